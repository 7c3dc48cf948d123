//! With a database of its own, an SQLite file.

use std::path::PathBuf;

use secrecy::SecretSlice;
use time::Duration;

use super::super::tests::{request_with, settings};
use super::*;
use crate::accounts::end::{Which, Why};
use crate::accounts::sign_in::SignInOutcome;
use crate::clock::Clock;
use crate::db::{DatabaseUrl, NewUser};

struct Fixture {
    folder: PathBuf,
    clock: Clock,
    store: DatabaseStore,
}

impl Fixture {
    /// An hour of idleness ends a session, and so does a day.
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("doorward-{}", crate::random::id()));
        std::fs::create_dir(&folder).unwrap();
        let clock = Clock::default();
        let store = store_of(&folder, &clock, None);
        store.db().migrate().unwrap();
        Fixture {
            folder,
            clock,
            store,
        }
    }

    /// Signs Ada in: what her browser's cookie holds.
    async fn sign_in(&self) -> SessionKey {
        let secret = crate::random::secret();
        let ada = NewUser {
            issuer: "https://op.example".to_owned(),
            subject: "ada".to_owned(),
            name: None,
            email: None,
            email_verified: false,
        };
        let state = State::from([("id_token".to_owned(), json(&"i"))]);
        let sessions = &self.store.sessions;
        let attempt = sessions.use_attempt(&crate::random::secret()).unwrap();
        let begun = sessions.begin(&secret, ada, state, attempt, None).await;
        assert!(matches!(begun, Ok(SignInOutcome::SignedIn(_))));
        let begun = State::from([(BEGUN.to_owned(), json(&secret))]);
        let lifetime = cookie_time::Duration::ZERO;
        self.store.save(begun, &lifetime).await.ok().unwrap()
    }

    async fn is_in(&self, key: &SessionKey) -> bool {
        self.store.load(key).await.unwrap().is_some()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn store_of(folder: &std::path::Path, clock: &Clock, key: Option<u8>) -> DatabaseStore {
    let mut settings = settings("https://app.example");
    settings.sessions.idle_timeout = std::time::Duration::from_secs(3600);
    settings.sessions.absolute_timeout = std::time::Duration::from_secs(86_400);
    if let Some(byte) = key {
        settings.sessions.key = Some(SecretSlice::from(vec![byte; 64]));
    }
    let db = Db::new(DatabaseUrl::Sqlite(folder.join("doorward.db")));
    DatabaseStore::new(Arc::new(Sessions::new(
        &settings,
        &key_of(&settings),
        db,
        clock.clone(),
    )))
}

#[actix_web::test]
async fn a_session_is_found_by_its_cookie_with_all_that_it_holds_until_it_is_deleted() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let state = fixture.store.load(&key).await.unwrap().unwrap();
    assert_eq!(state["id_token"], json(&"i"));
    let user: User = serde_json::from_str(&state[USER]).unwrap();
    assert_eq!(
        (user.subject.as_str(), &state[USER_ID]),
        ("ada", &json(&user.id))
    );
    assert!(!state.contains_key(TO_BE_RENEWED));

    let sessions = &fixture.store.sessions;
    let made_up = SessionKey::try_from("A".repeat(86)).unwrap();
    assert!(!fixture.is_in(&made_up).await);
    let key_hash = hash(secret_of(key.as_ref()));
    let ended = sessions.end(Which::One(key_hash), Why::SignOut).await;
    assert_eq!(ended.unwrap(), 1);
    assert!(!fixture.is_in(&key).await);
}

#[actix_web::test]
async fn what_changes_in_a_session_is_found_with_the_same_cookie() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let mut state = fixture.store.load(&key).await.unwrap().unwrap();
    state.insert("a".to_owned(), json(&"b"));
    let same = fixture
        .store
        .update(key, state, &cookie_time::Duration::ZERO)
        .await;
    let state = fixture.store.load(&same.ok().unwrap()).await.unwrap();
    assert_eq!(state.unwrap()["a"], json(&"b"));
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
    let sessions = &fixture.store.sessions;
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
    let sessions = &fixture.store.sessions;
    let request = request_with([]);
    let begun = sessions.start_logout(&request, Some("hint".into()));
    let logout = begun.await.unwrap();
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
    let other = store_of(&fixture.folder, &fixture.clock, Some(7));
    assert!(other.load(&key).await.unwrap().is_none());
    // Not even with a signature of that key.
    let signed = other.signed(secret_of(key.as_ref()));
    assert!(other.load(&signed).await.unwrap().is_none());
}

#[actix_web::test]
async fn nobody_gets_a_session_without_a_sign_in() {
    let fixture = Fixture::new();
    let lifetime = cookie_time::Duration::ZERO;
    let refused = fixture.store.save(State::new(), &lifetime).await;
    let Err(SaveError::Other(cause)) = refused else {
        panic!("it is saved, or refused for another reason");
    };
    assert_eq!(cause.to_string(), "a session is for somebody who signed in");
}

#[actix_web::test]
async fn an_attempt_is_used_once_by_all_processes_and_kept_until_it_is_too_old() {
    let fixture = Fixture::new();
    let other = store_of(&fixture.folder, &fixture.clock, None);
    let ada = |subject: &str| NewUser {
        issuer: "https://op.example".to_owned(),
        subject: subject.to_owned(),
        name: None,
        email: None,
        email_verified: false,
    };
    let spent = fixture.store.sessions.use_attempt("state").unwrap();
    assert_eq!(
        fixture.store.sessions.use_attempt("state"),
        Err(super::super::AttemptError::Used)
    );
    let begin = |store: &DatabaseStore, subject: &str, attempt| {
        let (sessions, ada) = (store.sessions.clone(), ada(subject));
        async move {
            sessions
                .begin("secret", ada, State::new(), attempt, None)
                .await
        }
    };
    let begun = begin(&fixture.store, "ada", spent).await.unwrap();
    assert!(matches!(begun, SignInOutcome::SignedIn(_)));
    for subject in ["ada", "grace"] {
        // The other process has not seen it.
        let again = store_of(&fixture.folder, &fixture.clock, None);
        let attempt = again.sessions.use_attempt("state").unwrap();
        assert_eq!(
            begin(&again, subject, attempt).await.unwrap(),
            SignInOutcome::Used
        );
    }
    let sessions = &other.sessions;
    assert_eq!(sessions.purge_used().await.unwrap(), 0);
    fixture.clock.shift(Duration::minutes(10));
    assert_eq!(sessions.purge_used().await.unwrap(), 0, "clocks differ");
    fixture.clock.shift(Duration::minutes(11));
    assert_eq!(sessions.purge_used().await.unwrap(), 1);
}

/// The store of a process with these settings, on the database of `fixture`.
fn beside(fixture: &Fixture, change: impl FnOnce(&mut crate::settings::Settings)) -> DatabaseStore {
    let mut settings = settings("https://app.example");
    change(&mut settings);
    let db = Db::new(DatabaseUrl::Sqlite(fixture.folder.join("doorward.db")));
    DatabaseStore::new(Arc::new(Sessions::new(
        &settings,
        &key_of(&settings),
        db,
        fixture.clock.clone(),
    )))
}

#[actix_web::test]
async fn a_session_of_an_issuer_that_is_no_longer_configured_opens_nothing() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let other = beside(&fixture, |settings| {
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
        // A minute's memory, and another process that takes turns.
        let stores = [(); 2].map(|()| {
            beside(&fixture, |settings| {
                settings.sessions.idle_timeout = std::time::Duration::from_secs(idle_secs);
                settings.sessions.cache = std::time::Duration::from_secs(60);
            })
        });
        let key = fixture.sign_in().await;
        for turn in 0..12 {
            let now = fixture.clock.now();
            let store = &stores[turn % 2];
            let is_in = store.load(&key).await.unwrap().is_some();
            assert!(is_in, "{idle_secs} s, turn {turn} at {now}");
            fixture.clock.shift(Duration::seconds(pause_secs));
        }
        fixture.clock.shift(Duration::seconds(idle_secs as i64));
        assert!(stores[0].load(&key).await.unwrap().is_none());
    }
}

/// One process finds that a session is over; meanwhile another sees its browser.
#[actix_web::test]
async fn a_session_that_was_used_meanwhile_is_not_ended() {
    let fixture = Fixture::new();
    let key = fixture.sign_in().await;
    let key_hash = hash(secret_of(key.as_ref()));
    let now = fixture.clock.now();
    let found = fixture.store.read(&key_hash).await.unwrap().unwrap();
    let later = now + Duration::HOUR;
    let touched = key_hash.clone();
    let db = fixture.store.db();
    db.run(move |connection| Session::touch(connection, &touched, later))
        .await
        .unwrap();
    let ended = fixture
        .store
        .sessions
        .expire(&key_hash, found.last_seen_at, later)
        .await;
    assert!(!ended.unwrap());
    assert!(fixture.is_in(&key).await);
}

fn key_of(settings: &crate::settings::Settings) -> SecretSlice<u8> {
    settings.sessions.key.clone().unwrap()
}
