//! What is left of a session that has ended.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::fixture::{Fixture, another_process};
use super::*;
use crate::accounts::purge::PurgeError;

/// A connection past the pool, as an operator's `sqlite3` opens one: without foreign keys.
fn outside(fixture: &Fixture) -> SqliteConnection {
    let file = fixture.folder.path().join("doorward.db");
    SqliteConnection::establish(file.to_str().unwrap()).unwrap()
}

/// The browser closes its connection while the database is busy, so the result of the query is dropped.
#[actix_web::test]
async fn a_sign_out_that_nobody_waits_for_empties_the_cache_too() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let sessions = another_process(&fixture, |settings| {
        settings.sessions.cache = Duration::from_secs(60);
    });
    assert!(sessions.load(&key).await.unwrap().is_some());
    let mut outside = outside(&fixture);
    outside.batch_execute("BEGIN IMMEDIATE").unwrap();
    let end = sessions.end(Which::One(hash(secret_of(&key))), Why::SignOut);
    let given_up = tokio::time::timeout(Duration::from_millis(100), end).await;
    assert!(given_up.is_err(), "it waits for the lock");
    assert!(sessions.load(&key).await.unwrap().is_some());
    outside.batch_execute("COMMIT").unwrap();

    let deadline = Instant::now() + Duration::from_secs(10);
    while sessions.load(&key).await.unwrap().is_some() {
        assert!(Instant::now() < deadline, "the cache keeps it");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The database may have done what it reports as failed, for example if its answer is lost.
#[actix_web::test]
async fn an_end_that_failed_empties_the_cache_too() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let sessions = another_process(&fixture, |settings| {
        settings.sessions.cache = Duration::from_secs(60);
    });
    assert!(sessions.load(&key).await.unwrap().is_some());
    let mut outside = outside(&fixture);
    let refuse =
        "CREATE TRIGGER refuse BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'no'); END";
    outside.batch_execute(refuse).unwrap();
    let end = sessions.end(Which::One(hash(secret_of(&key))), Why::SignOut);
    assert!(end.await.is_err());
    let delete = "DROP TRIGGER refuse; DELETE FROM sessions";
    outside.batch_execute(delete).unwrap();
    assert!(sessions.load(&key).await.unwrap().is_none());
}

/// The clock may be wrong.
#[actix_web::test]
async fn a_session_that_expired_long_ago_or_is_of_the_future_is_refused_and_not_deleted() {
    for (shift_secs, is_left) in [
        (3600, false),
        (3600 + 86_399, false),
        (3600 + 86_401, true),
        (-3602, true),
    ] {
        let fixture = Fixture::new();
        let key = fixture.sign_in().await;
        let shift = time::Duration::seconds(shift_secs);
        fixture.clock.shift(shift);
        assert!(!fixture.is_in(&key).await, "{shift_secs}");
        fixture.clock.shift(-shift);
        assert_eq!(fixture.is_in(&key).await, is_left, "{shift_secs}");
    }
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    fixture.clock.shift(time::Duration::seconds(-3598));
    assert!(fixture.is_in(&key).await, "clocks are set back");
}

/// SQLite's own shell does not enforce foreign keys.
#[actix_web::test]
async fn a_session_without_its_person_holds_up_no_purge() {
    let fixture = Fixture::new();
    fixture.sign_in().await;
    let remove = "PRAGMA foreign_keys = OFF; DELETE FROM users";
    outside(&fixture).batch_execute(remove).unwrap();
    fixture.sign_in().await;
    fixture.clock.shift(time::Duration::hours(2));
    assert_eq!(fixture.sessions.purge_expired().await.unwrap(), 2);
}

#[actix_web::test]
async fn a_session_that_is_over_at_the_provider_ends_there_and_then_and_is_purged() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let ends_at = fixture.clock.now() + time::Duration::minutes(10);
    let over = fixture.sign_in_until(Some(ends_at)).await;
    let other = fixture.sign_in().await;
    fixture.clock.shift(time::Duration::minutes(9));
    assert!(fixture.is_in(&over).await);
    assert_eq!(sessions.purge_expired().await.unwrap(), 0);
    fixture.clock.shift(time::Duration::minutes(1));
    assert_eq!(sessions.purge_expired().await.unwrap(), 1);
    assert!(!fixture.is_in(&over).await);
    assert!(fixture.is_in(&other).await);
}

/// The clock may be wrong here as well, if nobody has signed in for a day by it.
#[actix_web::test]
async fn a_session_that_was_over_at_the_provider_long_ago_is_refused_and_not_purged() {
    let fixture = Fixture::new();
    let sessions = another_process(&fixture, |settings| {
        settings.sessions.idle_timeout = Duration::from_secs(30 * 86_400);
        settings.sessions.absolute_timeout = Duration::from_secs(30 * 86_400);
    });
    let ends_at = fixture.clock.now() + time::Duration::minutes(10);
    let over = fixture.sign_in_until(Some(ends_at)).await;
    let days = time::Duration::days(3);
    fixture.clock.shift(days);
    assert!(sessions.load(&over).await.unwrap().is_none());
    let purge = sessions.purge_expired().await;
    assert!(matches!(purge, Err(PurgeError::Refused(_))), "{purge:?}");
    fixture.clock.shift(-days);
    assert!(sessions.load(&over).await.unwrap().is_some());
    // Somebody signs in by that clock: it is right.
    fixture.clock.shift(days);
    fixture.sign_in().await;
    assert_eq!(sessions.purge_expired().await.unwrap(), 1);
}
