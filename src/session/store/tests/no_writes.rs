//! A database that can be read and not written.

use diesel::connection::SimpleConnection;
use time::Duration;

use super::fixture::{Fixture, sessions_of};

#[actix_web::test]
async fn a_use_that_could_not_be_recorded_counts_and_is_recorded_before_the_purge() {
    let fixture = Fixture::new();
    let (used, unused) = (fixture.sign_in().await, fixture.sign_in().await);
    let db = &fixture.sessions.db;
    let execute = async |statement: &'static str| {
        let done = db.run(move |connection| connection.batch_execute(statement));
        done.await.unwrap();
    };
    execute(
        "CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
    )
    .await;
    fixture.clock.shift(Duration::minutes(50));
    assert!(fixture.is_in(&used).await);
    fixture.clock.shift(Duration::minutes(50));
    assert!(fixture.is_in(&used).await);
    assert!(!fixture.is_in(&unused).await);
    assert!(fixture.sessions.purge_expired().await.is_err());
    assert!(fixture.is_in(&used).await, "nothing is purged");
    execute("DROP TRIGGER full").await;
    assert_eq!(fixture.sessions.purge_expired().await.unwrap(), 0);
    let other = sessions_of(fixture.folder.path(), &fixture.clock, None);
    assert!(other.load(&used).await.unwrap().is_some());
    fixture.clock.shift(Duration::minutes(60));
    assert!(!fixture.is_in(&used).await);
}
