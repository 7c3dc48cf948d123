//! Refresh tokens go back to the provider when their person has signed out (RFC 7009).

use std::time::{Duration, Instant};

use super::{RECHECK, start, until};
use crate::on_both;
use crate::support::provider::{Canned, Endpoint};
use crate::support::provider_faults::{answer_with, edit_discovery};
use crate::support::{Database, TestApp, log};

on_both! {
    /// RFC 7009 2.1 (a)
    async fn signing_out_revokes_the_refresh_token(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        assert_eq!(app.provider.live_refresh_tokens(), 1);
        assert_eq!(ada.post("/logout", "").await.status, 303);
        until("revoked", || app.provider.live_refresh_tokens() == 0).await;
        let revocation = app.provider.requests(Endpoint::Revoke).remove(0);
        assert_eq!(revocation.form.get("token_type_hint"), Some("refresh_token"));
        assert!(revocation.header("authorization").is_some_and(|it| it.starts_with("Basic ")));
        // A second click revokes nothing.
        assert_eq!(ada.post("/logout", "").await.status, 303);
        assert_eq!(app.provider.request_count(Endpoint::Revoke), 1);
    }

    /// Back-Channel 2.7 (d)
    /// Universal Logout 3.3 (a)
    async fn a_logout_by_the_provider_revokes_nothing(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        let now = app.clock.now().unix_timestamp();
        let token = app.provider.sign_id_token(&serde_json::json!({
            "iss": app.provider.issuer(), "aud": crate::support::app::CLIENT_ID, "iat": now, "exp": now + 120,
            "jti": "1", "sub": "00uada", "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }));
        let answer = app.visitor().post("/backchannel-logout", &format!("logout_token={token}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!ada.is_signed_in().await);
        assert_eq!(app.provider.request_count(Endpoint::Revoke), 0);
        assert_eq!(app.provider.live_refresh_tokens(), 1);
    }
}

/// RFC 7009 2
#[actix_web::test]
async fn a_provider_without_a_revocation_endpoint_is_sent_nothing() {
    for endpoint in [serde_json::Value::Null, "http://op.example/revoke".into()] {
        let app = TestApp::spawn_with(Database::Sqlite, &RECHECK);
        edit_discovery(&app, move |document| {
            document["revocation_endpoint"] = endpoint.clone();
        });
        let ada = app.signed_in("ada").await;
        assert_eq!(ada.post("/logout", "").await.status, 303);
        assert_eq!(app.provider.request_count(Endpoint::Revoke), 0);
    }
}

/// RFC 7009 2.2.1: it is not tried again
#[actix_web::test]
async fn a_revocation_that_fails_is_one_line_in_the_log() {
    let app = start(Database::Sqlite);
    answer_with(&app, Endpoint::Revoke, Canned::html(503, "away"));
    let ada = app.signed_in("ada").await;
    assert_eq!(ada.post("/logout", "").await.status, 303);
    until("logged", || {
        !log::lines_with("a refresh token was not revoked").is_empty()
    })
    .await;
    assert_eq!(app.provider.request_count(Endpoint::Revoke), 1);
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn a_revocation_that_hangs_does_not_hold_up_signing_out() {
        let app = start(Database::Sqlite);
        let late = Duration::from_secs(30);
        answer_with(&app, Endpoint::Revoke, Canned::html(200, "").late(late));
        let ada = app.signed_in("ada").await;
        let began = Instant::now();
        assert_eq!(ada.post("/logout", "").await.status, 303);
        // When it is given up.
        assert!(began.elapsed() < Duration::from_secs(3));
        until("asked", || {
            app.provider.request_count(Endpoint::Revoke) == 1
        })
        .await;
        until("given up", || {
            !log::lines_with("a refresh token was not revoked").is_empty()
        })
        .await;
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
