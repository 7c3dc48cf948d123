//! A database that can be read and not written.

use diesel::connection::SimpleConnection;
use time::Duration;

use super::super::{hash, secret_of};
use super::fixture::{Fixture, sessions_of};
use crate::accounts::end::{Which, Why};
use crate::db::Db;

const FULL: &str =
    "CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'disk is full'); END";

async fn execute(db: &Db, statement: &'static str) {
    let done = db.run(move |connection| connection.batch_execute(statement));
    done.await.unwrap();
}

#[actix_web::test]
async fn a_use_that_could_not_be_recorded_counts_and_is_recorded_before_the_purge() {
    let fixture = Fixture::new();
    let (used, unused) = (fixture.sign_in().await, fixture.sign_in().await);
    let db = &fixture.sessions.db;
    execute(db, FULL).await;
    fixture.clock.shift(Duration::minutes(50));
    assert!(fixture.is_in(&used).await);
    fixture.clock.shift(Duration::minutes(50));
    assert!(fixture.is_in(&used).await);
    assert!(!fixture.is_in(&unused).await);
    assert!(fixture.sessions.purge_expired().await.is_err());
    assert!(fixture.is_in(&used).await, "nothing is purged");
    execute(db, "DROP TRIGGER full").await;
    assert_eq!(fixture.sessions.purge_expired().await.unwrap(), 0);
    let other = sessions_of(fixture.folder.path(), &fixture.clock, None);
    assert!(other.load(&used).await.unwrap().is_some());
    fixture.clock.shift(Duration::minutes(60));
    assert!(!fixture.is_in(&used).await);
}

/// As on a full disk, where it succeeds as well.
#[actix_web::test]
async fn what_finds_nothing_to_write_is_no_sign_that_the_database_takes_writes() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let (sessions, db) = (&fixture.sessions, &fixture.sessions.db);
    execute(db, FULL).await;
    fixture.clock.shift(Duration::minutes(2));
    assert!(fixture.is_in(&key).await);
    assert!(db.write_failed_since().is_some());

    assert_eq!(sessions.purge_used().await.unwrap(), 0);
    sessions.purge_logouts().await.unwrap();
    let nobody = Which::One("nobody".to_owned());
    assert_eq!(sessions.end(nobody, Why::Revoked).await.unwrap(), 0);
    let ada = hash(secret_of(&key));
    let writes = &sessions.optional_writes;
    writes.forget(&ada);
    writes.remember("nobody", fixture.clock.now());
    sessions.record_last_uses().await.unwrap();
    assert!(db.write_failed_since().is_some());

    assert_eq!(
        sessions.end(Which::One(ada), Why::Revoked).await.unwrap(),
        1
    );
    assert!(db.write_failed_since().is_none());
}
