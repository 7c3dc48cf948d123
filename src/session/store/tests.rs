//! Each test with a database of its own, an SQLite file.

mod by_provider;
mod ended;
pub(in crate::session) mod fixture;
mod no_writes;

use actix_web::cookie::Cookie;
use fixture::{Fixture, another_process, finished, sessions_of};
use secrecy::ExposeSecret;
use time::Duration;

use super::super::tests::request_with;
use super::*;
use crate::accounts::end::{Which, Why};
use crate::accounts::sign_in::{Former, SignInOutcome};
use crate::db::{Groups, NewUser};
use crate::session::origin::Origin;

#[actix_web::test]
async fn a_session_is_found_by_its_cookie_with_all_that_it_holds_until_it_is_deleted() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let loaded = fixture.sessions.load(&key).await.unwrap().unwrap();
    let user = &loaded.session.user;
    let hint = loaded.stored.as_ref().unwrap().id_token_hint.as_ref();
    let hint = hint.unwrap();
    assert_eq!((user.subject.as_str(), hint.expose_secret()), ("ada", "i"));
    assert!(!loaded.needs_reseal());

    assert!(!fixture.is_in(&"A".repeat(86)).await);
    let key_hash = hash(secret_of(&key));
    let end = fixture.sessions.end(Which::One(key_hash), Why::Revoked);
    let ended = end.await;
    assert_eq!(ended.unwrap(), 1);
    assert!(!fixture.is_in(&key).await);
}

#[actix_web::test]
async fn what_changes_in_a_session_is_found_with_the_same_cookie() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let changed = Stored {
        id_token_hint: Some("other".into()),
        ..Stored::default()
    };
    let key_hash = hash(secret_of(&key));
    fixture.sessions.reseal(key_hash, Some((&changed, 0))).await;
    let loaded = fixture.sessions.load(&key).await.unwrap().unwrap();
    let stored = loaded.stored.unwrap();
    let hint = stored.id_token_hint.as_ref().unwrap();
    assert_eq!(hint.expose_secret(), "other");
}

#[actix_web::test]
async fn an_idle_session_ends_and_each_request_after_a_minute_keeps_it() {
    let fixture = Fixture::new();
    let (used, unused) = (fixture.sign_in().await, fixture.sign_in().await);
    fixture.clock.shift(Duration::minutes(59));
    assert!(fixture.is_in(&used).await);
    fixture.clock.shift(Duration::minutes(1));
    assert!(fixture.is_in(&used).await);
    assert!(!fixture.is_in(&unused).await);
}

#[actix_web::test]
async fn a_session_ends_after_a_day_however_much_it_is_used() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    for _ in 0..47 {
        fixture.clock.shift(Duration::minutes(30));
        assert!(fixture.is_in(&key).await);
    }
    fixture.clock.shift(Duration::minutes(30));
    assert!(!fixture.is_in(&key).await);
}

#[actix_web::test]
async fn expired_sessions_are_purged_and_those_in_use_are_counted() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    fixture.sign_in().await;
    fixture.sign_in().await;
    fixture.clock.shift(Duration::minutes(30));
    let used = fixture.sign_in().await;
    assert_eq!(sessions.count_live().await.unwrap(), 3);
    assert_eq!(sessions.purge_expired().await.unwrap(), 0);
    fixture.clock.shift(Duration::minutes(31));
    assert_eq!(sessions.count_live().await.unwrap(), 1);
    assert_eq!(sessions.purge_expired().await.unwrap(), 2);
    assert!(fixture.is_in(&used).await);
}

#[actix_web::test]
async fn what_is_kept_of_a_sign_out_is_purged_after_a_minute() {
    let fixture = Fixture::new();
    let sessions = &fixture.sessions;
    let key = fixture.sign_in().await;
    let session = Cookie::new(sessions.names.session(), key);
    let request = request_with([&session]);
    let end = sessions.end_with(&request, Some("hint".into()));
    let logout = end.await.unwrap();
    let cookie = sessions.logout_cookie(&logout.state);
    let again = request_with([&cookie]);
    let is_kept = async || sessions.recent_logout(&again).await.unwrap().is_some();
    fixture.clock.shift(Duration::seconds(59));
    sessions.purge_expired().await.unwrap();
    assert!(is_kept().await);
    fixture.clock.shift(Duration::SECOND);
    assert!(!is_kept().await);
    sessions.purge_expired().await.unwrap();
    fixture.clock.shift(Duration::seconds(-30));
    assert!(!is_kept().await, "it is not there any more");
}

#[actix_web::test]
async fn a_session_of_another_key_opens_nothing() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let other = sessions_of(fixture.folder.path(), &fixture.clock, Some(7));
    assert!(other.load(&key).await.unwrap().is_none());
    // Not even with a signature of that key.
    let signed = other.keys.sign(secret_of(&key));
    assert!(other.load(&signed).await.unwrap().is_none());
}

#[actix_web::test]
async fn an_attempt_is_used_once_by_all_processes_and_kept_until_it_is_too_old() {
    let fixture = Fixture::new();
    let other = sessions_of(fixture.folder.path(), &fixture.clock, None);
    let ada = |subject: &str| NewUser {
        issuer: "https://op.example".to_owned(),
        subject: subject.to_owned(),
        name: None,
        email: None,
        email_verified: false,
        groups: Groups::default(),
        preferred_username: None,
    };
    let spent = fixture.sessions.use_attempt("state").unwrap();
    assert_eq!(
        fixture.sessions.use_attempt("state"),
        Err(super::super::AttemptError::Used)
    );
    let begin = async |sessions: &Sessions, subject: &str, used| {
        let attempt = finished(used, "secret", sessions.clock.now());
        let (stored, origin) = (Stored::default(), Origin::unknown(None));
        let begun =
            sessions.start_session(ada(subject), &stored, &attempt, Former::None, origin, &[]);
        begun.await
    };
    let begun = begin(&fixture.sessions, "ada", spent).await.unwrap();
    assert!(matches!(begun, SignInOutcome::SignedIn(_)));
    for subject in ["ada", "grace"] {
        // The other process has not seen it.
        let again = sessions_of(fixture.folder.path(), &fixture.clock, None);
        let attempt = again.use_attempt("state").unwrap();
        assert_eq!(
            begin(&again, subject, attempt).await.unwrap(),
            SignInOutcome::Used
        );
    }
    let sessions = &other;
    assert_eq!(sessions.purge_used().await.unwrap(), 0);
    fixture.clock.shift(Duration::minutes(10));
    assert_eq!(sessions.purge_used().await.unwrap(), 0, "clocks differ");
    fixture.clock.shift(Duration::minutes(11));
    assert_eq!(sessions.purge_used().await.unwrap(), 1);
}

#[actix_web::test]
async fn a_session_of_an_issuer_that_is_no_longer_configured_opens_nothing() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let other = another_process(&fixture, |settings| {
        settings.provider.registration.issuer = "https://op.example/".to_owned();
    });
    for _ in 0..2 {
        assert!(other.load(&key).await.unwrap().is_none());
    }
    assert!(fixture.is_in(&key).await, "the row is still there");
}

#[actix_web::test]
async fn however_short_the_idle_time_is_who_is_active_stays_in() {
    for (idle_secs, pause_secs) in [(5, 2), (20, 11), (61, 31), (119, 60), (119, 118)] {
        let fixture = Fixture::new();
        // A minute's cache, and another process that takes turns.
        let processes = [(); 2].map(|()| {
            another_process(&fixture, |settings| {
                settings.sessions.idle_timeout = std::time::Duration::from_secs(idle_secs);
                settings.sessions.cache = std::time::Duration::from_secs(60);
            })
        });
        let key = fixture.sign_in().await;
        for turn in 0..12 {
            let now = fixture.clock.now();
            let sessions = &processes[turn % 2];
            let is_in = sessions.load(&key).await.unwrap().is_some();
            assert!(is_in, "{idle_secs} s, turn {turn} at {now}");
            fixture.clock.shift(Duration::seconds(pause_secs));
        }
        fixture.clock.shift(Duration::seconds(idle_secs as i64));
        assert!(processes[0].load(&key).await.unwrap().is_none());
    }
}

/// One process finds that a session has expired; meanwhile another process gets a request with it.
#[actix_web::test]
async fn a_session_that_was_used_meanwhile_is_not_ended() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let key_hash = hash(secret_of(&key));
    let now = fixture.clock.now();
    let found = fixture
        .sessions
        .read(&key_hash, now)
        .await
        .unwrap()
        .unwrap();
    let later = now + Duration::HOUR;
    let seen = key_hash.clone();
    let db = &fixture.sessions.db;
    db.run(move |connection| Session::update_last_seen_at(connection, &seen, later))
        .await
        .unwrap();
    let ended = fixture.sessions.expire(&key_hash, &found.0, later).await;
    assert!(!ended.unwrap());
    assert!(fixture.is_in(&key).await);
}
