//! Migrations only add: the previous version serves beside this one, on the same database. What it wrote opens here, and what
//! it runs works on this schema.
//!
//! To build the previous version takes longer than all quick tests, and a shallow clone does not have it. So
//! `tests/data/previous_version` has what it ran, recorded: each statement that Diesel gave either database at revision 70db6d5,
//! the last one before logout by the provider, with its values; those of one run are `:names`. The program itself was run
//! beside this version, too, on 2026-11-26: either one opened and ended the sessions of the other, on Postgres and on SQLite.

use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use crate::support::{Database, TestApp};
use crate::{ended_by_provider, on_both};

/// A cookie's value, and the hash and the state in its row, with the key of all tests: of a session before it was one typed
/// value in the row.
const COOKIE: &str = "Gbexfa0h4n3ZDu1tcr%2F+GM6UxGMGaYj4oycbXo8c42k%3DM1vyIKPukH_PgDAIxCJhVxIMZOT7kcrS1cTJzOdaWfcbToAGwmfmcCFl2ITY6nQABUJfmPgNpYVbnJQvEyfotE";
const KEY_HASH: &str = "CJBLnRS7B5Lq75cUeJnpAKuBpVbXAB4LAUkj2Qs9O2g";
const STATE: &str = "0kOr9jC2ky4ldRJHHf15vb78q943zbpPDRK8wvt9fqV7yram2sfXIpaLmpjmJjULJzHmo2lLnH2bIHNPoQurR7HQuSUENUCXfvCqUQlJ0K-qkq3bW1EVDUeSLFFfBXwIxQHM";

/// The ID token in its row.
const HINT: &str = "id_token_hint=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";

/// A session of the recording: its cookie, the hash of its key, and its state, a line each.
const SESSION: &str = include_str!("../data/previous_version/session.txt");

/// The previous version, by what it ran.
struct Previous<'a> {
    app: &'a TestApp,
    statements: &'static str,
}

impl Previous<'_> {
    fn beside(app: &TestApp) -> Previous<'_> {
        let statements = match app.storage().database() {
            Database::Postgres => include_str!("../data/previous_version/postgres.sql"),
            Database::Sqlite => include_str!("../data/previous_version/sqlite.sql"),
        };
        Previous { app, statements }
    }

    /// What it ran for `what`, about the session with this key hash.
    fn of(&self, what: &str, key_hash: &str) -> String {
        let heading = format!("\n-- {what}\n");
        let (_, rest) = self.statements.split_once(&heading).expect(what);
        let text = rest.split("\n\n").next().unwrap();
        let now = self.app.clock.now();
        let written = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        let time = |at: OffsetDateTime| at.format(written).unwrap();
        text.replace(":issuer", &self.app.provider.issuer())
            .replace(":now", &time(now))
            .replace(":later", &time(now + Duration::minutes(2)))
            .replace(
                ":user",
                &self
                    .app
                    .storage()
                    .text("SELECT COALESCE(MAX(id), 'old') AS what FROM users"),
            )
            .replace(":key_hash", key_hash)
            .replace(":state", SESSION.lines().nth(2).unwrap())
    }

    fn runs(&self, what: &str, key_hash: &str) {
        self.app.storage().execute(&self.of(what, key_hash));
    }

    /// How many rows it finds.
    fn finds(&self, what: &str, key_hash: &str) -> i64 {
        let query = self.of(what, key_hash);
        let query = query.trim_end().trim_end_matches(';');
        let count = format!("SELECT COUNT(*) AS n FROM ({query}) AS found");
        self.app.storage().number(&count)
    }
}

/// The hash of the key of the latest session of this version.
fn newest(app: &TestApp) -> String {
    let query =
        "SELECT key_hash AS what FROM sessions WHERE user_agent IS NOT NULL OR address IS NOT NULL";
    app.storage().text(query)
}

fn events(app: &TestApp) -> Vec<String> {
    let query = "SELECT event AS what FROM audit_events ORDER BY occurred_at, id";
    app.storage().texts(query)
}

on_both! {
    async fn its_session_opens_and_leads_to_the_provider_with_its_id_token(app: TestApp) {
        let ada = app.signed_in("ada").await;
        app.storage().execute(&format!(
            "UPDATE sessions SET key_hash = '{KEY_HASH}', state = '{STATE}'"
        ));
        assert_ne!(ada.app_cookies()["doorward"], COOKIE);
        ada.set_app_cookie("doorward", COOKIE);
        assert!(ada.is_signed_in().await);
        assert_eq!(ada.app_cookies()["doorward"], COOKIE);
        let out = ada.post("/logout", "").await;
        assert!(out.location().contains(HINT), "{}", out.location());
        assert!(!ada.is_signed_in().await);
        assert_eq!(app.storage().sessions(), 0);
    }

    async fn whom_it_signs_in_is_signed_in_here_too(app: TestApp) {
        let previous = Previous::beside(&app);
        let [cookie, key_hash] = [0, 1].map(|line| SESSION.lines().nth(line).unwrap());
        previous.runs("the first sign-in", key_hash);
        let ada = app.visitor();
        ada.set_app_cookie("doorward", cookie);
        let page = ada.get("/profile").await;
        assert_eq!((page.status, page.text("claim-email").as_deref()), (200, Some("ada@example.com")));
        assert_eq!(ada.get("/sessions").await.status, 200);
        // It serves the same session meanwhile.
        assert_eq!(previous.finds("a page", key_hash), 1);
        previous.runs("last seen", key_hash);
        assert!(ada.is_signed_in().await);
        previous.runs("another sign-in", "another");
        for what in ["people", "sessions", "events"] {
            let expected = match what {
                "people" => 1,
                "sessions" => 2,
                _ => 3,
            };
            assert_eq!(previous.finds(what, ""), expected, "{what}");
        }
        // The provider ends both, though nothing but the person is known of them.
        let answer = ended_by_provider::log_out(&app, serde_json::json!({"sub": "00uada"})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!ada.is_signed_in().await);
        assert_eq!(previous.finds("a page", key_hash), 0);
        assert_eq!(app.storage().sessions(), 0);
    }

    async fn whom_this_version_signs_in_is_served_and_signed_out_there(app: TestApp) {
        let previous = Previous::beside(&app);
        let ada = app.signed_in("ada").await;
        let key_hash = newest(&app);
        assert_eq!(previous.finds("a page", &key_hash), 1);
        previous.runs("last seen", &key_hash);
        // Somebody whom the provider signed out signs in there, and here.
        ended_by_provider::log_out(&app, serde_json::json!({"sub": "00uada"})).await;
        assert!(!ada.is_signed_in().await);
        app.clock.shift(Duration::SECOND);
        previous.runs("another sign-in", "another");
        let ada = app.signed_in("ada").await;
        let key_hash = newest(&app);
        previous.runs("a sign-out", &key_hash);
        assert!(!ada.is_signed_in().await);
        assert_eq!(app.storage().sessions(), 1);
        let ada = app.signed_in("ada").await;
        previous.runs("a block", &newest(&app));
        assert!(!ada.is_signed_in().await);
        let refused = app.visitor().sign_in("ada").await;
        assert_eq!(refused.status, 403, "{refused:?}");
        previous.runs("an end of blocking", "");
        assert!(app.signed_in("ada").await.is_signed_in().await);
        previous.runs("a deletion", &newest(&app));
        assert_eq!((app.storage().users(), app.storage().sessions()), (0, 0));
        let written = ["sign_out", "user_blocked", "user_unblocked", "user_deleted"];
        let kept = events(&app);
        assert!(written.iter().all(|event| kept.iter().any(|it| it == event)), "{kept:?}");
    }
}
