//! The provider is asked again about people who are signed in, and gets their refresh tokens back when they sign out.

mod at_apps;
mod not_welcome;
mod revocation;
mod welcome;

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use crate::support::provider::{Endpoint, Provider};
use crate::support::{Database, TestApp};

const RECHECK: [(&str, &str); 4] = [
    ("SESSION_RECHECK", "15m"),
    ("SESSION_RECHECK_GRACE", "1h"),
    ("OIDC_SCOPES", "openid profile email offline_access"),
    // What another process did is seen at once.
    ("SESSION_CACHE", "0"),
];

/// The app with `SESSION_RECHECK`.
fn start(database: Database) -> TestApp {
    TestApp::spawn_with(database, &RECHECK)
}

/// So much time passes that the provider's word is too old.
fn pass(app: &TestApp) {
    app.clock.shift(time::Duration::minutes(16));
}

/// How often the provider was asked with a refresh token.
fn refreshes(provider: &Provider) -> usize {
    let requests = provider.requests(Endpoint::Token);
    let grants = requests.iter().map(|it| it.form.get("grant_type"));
    grants.filter(|it| *it == Some("refresh_token")).count()
}

#[derive(Debug, PartialEq, QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    key_hash: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Integer)]
    recheck_round: i32,
}

/// The one session, as the database has it.
fn session(app: &TestApp) -> Row {
    let query = "SELECT key_hash, state, recheck_round FROM sessions";
    let mut rows: Vec<Row> = app.storage().rows(query);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

/// How many audit events there are with this reason.
fn events(app: &TestApp, event: &str, reason: &str) -> i64 {
    app.storage().number(&format!(
        "SELECT COUNT(*) AS n FROM audit_events WHERE event = '{event}' AND COALESCE(reason, '') = '{reason}'"
    ))
}

/// Waits until it is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "not {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
