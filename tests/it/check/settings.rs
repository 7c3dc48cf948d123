//! Settings that are wrong, missing or risky.

use super::{check_with, complaints, complaints_with};
use crate::support::{Database, TestApp};

#[actix_web::test]
async fn settings_that_are_wrong_are_all_told_and_the_database_is_looked_at() {
    let app = TestApp::spawn();
    let found = complaints_with(
        &app,
        &[
            ("OIDC_ISSUER", "http://op.example.com"),
            ("OIDC_CLIENT_SECRET", ""),
            ("SESSION_KEY", "c2hvcnQ="),
        ],
    );
    assert_eq!(
        found[..3],
        [
            "fault settings OIDC_ISSUER must be https (plain http only on this machine). Fix: for example \
         OIDC_ISSUER=https://dev-123456.okta.com/oauth2/default.",
            "fault settings OIDC_CLIENT_SECRET is missing. Fix: for example OIDC_CLIENT_SECRET=the client secret of the \
         application at the provider.",
            "fault settings SESSION_KEY has 5 bytes; it needs 64 or more. Fix: for example SESSION_KEY=the output of `openssl \
         rand -base64 64`, on one line.",
        ]
    );
    assert_eq!(found.len(), 3 + 18);
    assert!(
        found[3..]
            .iter()
            .all(|line| line.starts_with("can't tell ")
                && line.ends_with(" needs valid settings.")),
        "{found:?}"
    );
    assert!(
        !found.iter().any(|line| line.contains(" database ")),
        "{found:?}"
    );
}

#[actix_web::test]
async fn before_the_first_start_it_makes_neither_database_nor_key() {
    let app = TestApp::spawn();
    let found = complaints_with(&app, &[("DATABASE_URL", "people.db"), ("SESSION_KEY", "")]);
    assert_eq!(
        found,
        [
            "warning database the SQLite file people.db does not exist yet: Doorward creates it at its start. Fix: none, if this \
         is before the first start; otherwise check DATABASE_URL.",
            "can't tell migrations needs the database.",
            "can't tell db_clock needs the database.",
        ]
    );
    let (_, printed) = check_with(
        &app,
        &[],
        &[("DATABASE_URL", "people.db"), ("SESSION_KEY", "")],
    );
    assert!(
        printed.contains(
            "session_key    not set: generated at the first start, and kept in people.key.\n"
        ),
        "{printed}"
    );
}

#[actix_web::test]
async fn plain_http_across_a_network_is_a_warning() {
    let app = TestApp::spawn();
    app.provider.register(
        "http://app.example.com/authorization-code/callback",
        "http://app.example.com",
    );
    let found = complaints_with(&app, &[("PUBLIC_URL", "http://app.example.com")]);
    assert_eq!(
        found,
        [
            "warning public_url http://app.example.com is plain http: cookies are neither Secure nor named __Host-, and \
                        anybody who can read the traffic can take over a session. Fix: serve Doorward over TLS and write https in PUBLIC_URL."
        ]
    );
}

#[actix_web::test]
async fn a_session_key_that_others_may_read_is_a_fault() {
    use std::os::unix::fs::PermissionsExt;
    let app = TestApp::spawn_with(Database::Sqlite, &[("SESSION_KEY", "")]);
    assert_eq!(complaints(&app), [""; 0]);
    let key = app.storage().url.replace(".db", ".key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let found = complaints(&app);
    assert_eq!(
        found[0],
        format!(
            "fault session_key SESSION_KEY is missing, and {key}: others may read it (mode 644): chmod 600 {key}; or delete \
             it, and a new key is made, with which everybody signs in again. Fix: for example SESSION_KEY=the output of \
             `openssl rand -base64 64`, on one line."
        )
    );
    let untold = " needs valid settings.";
    assert!(found[1..].iter().all(|line| line.ends_with(untold)));
}
