//! Ada, an SQLite file, and processes that use it.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretSlice;
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::accounts::sign_in::{Former, SignInOutcome};
use crate::clock::Clock;
use crate::db::{DatabaseUrl, Db, Groups, NewUser, SingleUse};
use crate::session::origin::Origin;
use crate::session::stored::Stored;
use crate::session::tests::settings;
use crate::session::{FinishedAttempt, Sessions};
use crate::settings::Settings;

pub struct Fixture {
    pub folder: TempDir,
    pub clock: Clock,
    pub sessions: Sessions,
}

impl Fixture {
    /// An hour of idleness ends a session, and so does a day.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::stopped();
        let sessions = sessions_of(folder.path(), &clock, None);
        sessions.db.migrate(Duration::ZERO).unwrap();
        Fixture {
            folder,
            clock,
            sessions,
        }
    }

    /// Signs Ada in: what her browser's cookie holds.
    pub async fn sign_in(&self) -> String {
        self.sign_in_until(None).await
    }

    /// The same, with a session at the provider that ends at this time.
    pub async fn sign_in_until(&self, ends_at: Option<OffsetDateTime>) -> String {
        let secret = crate::random::secret();
        let begun = self.begin(&secret, ends_at).await;
        assert!(matches!(begun, SignInOutcome::SignedIn(_)));
        self.sessions.keys.sign(&secret)
    }

    /// What becomes of a sign-in of Ada's that begins and comes back now.
    pub async fn begin(&self, secret: &str, ends_at: Option<OffsetDateTime>) -> SignInOutcome {
        come_back(&self.sessions, secret, self.sessions.clock.now(), ends_at).await
    }

    pub async fn is_in(&self, signed: &str) -> bool {
        self.sessions.load(signed).await.unwrap().is_some()
    }
}

/// What `used` uses up: an attempt that begins at `began_at`, and whose session has this secret.
pub fn finished(used: SingleUse, secret: &str, began_at: OffsetDateTime) -> FinishedAttempt {
    FinishedAttempt {
        used,
        session_secret: secret.to_owned(),
        is_step_up: false,
        began_at,
    }
}

/// What becomes of a sign-in of Ada's that began at `began_at` and comes back now.
pub async fn come_back(
    sessions: &Sessions,
    secret: &str,
    began_at: OffsetDateTime,
    ends_at: Option<OffsetDateTime>,
) -> SignInOutcome {
    let ada = NewUser {
        issuer: "https://op.example".to_owned(),
        subject: "ada".to_owned(),
        name: None,
        email: None,
        email_verified: false,
        groups: Groups::default(),
        preferred_username: None,
    };
    let stored = Stored {
        id_token_hint: Some("i".into()),
        ..Stored::default()
    };
    let used = sessions.use_attempt(&crate::random::secret()).unwrap();
    let attempt = finished(used, secret, began_at);
    let origin = Origin::unknown(ends_at);
    let begun = sessions.start_session(ada, &stored, &attempt, Former::None, origin, &[]);
    begun.await.unwrap()
}

/// The sessions of a process with this byte in its `SESSION_KEY`, or with the key of all tests.
pub fn sessions_of(folder: &Path, clock: &Clock, key: Option<u8>) -> Sessions {
    let mut settings = settings("https://app.example");
    settings.sessions.idle_timeout = Duration::from_secs(3600);
    settings.sessions.absolute_timeout = Duration::from_secs(86_400);
    if let Some(byte) = key {
        settings.sessions.key = Some(SecretSlice::from(vec![byte; 64]));
    }
    let db = Db::new(DatabaseUrl::Sqlite(folder.join("doorward.db")));
    Sessions::new(
        &settings,
        settings.sessions.key.as_ref().unwrap(),
        db,
        clock.clone(),
    )
}

/// The sessions of a process with these settings, on the database of `fixture`.
pub fn another_process(fixture: &Fixture, change: impl FnOnce(&mut Settings)) -> Sessions {
    let mut settings = settings("https://app.example");
    change(&mut settings);
    let db = Db::new(DatabaseUrl::Sqlite(
        fixture.folder.path().join("doorward.db"),
    ));
    Sessions::new(
        &settings,
        settings.sessions.key.as_ref().unwrap(),
        db,
        fixture.clock.clone(),
    )
}
