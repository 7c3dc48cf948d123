//! The session ends, since the provider says so or its answer is not to be believed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{RECHECK, pass, refreshes, start, until, until_out};
use crate::on_both;
use crate::support::provider::{Canned, Endpoint, Signing};
use crate::support::provider_faults::answer_with;
use crate::support::rows::{events_because, session};
use crate::support::{Database, TestApp, Visitor, log};

/// Ada's session at its first recheck, after this was done to the refreshed ID token.
async fn rechecked(edit: impl Fn(&mut Value) + Send + Sync + 'static) -> (TestApp, Visitor, bool) {
    let app = start(Database::Sqlite);
    let ada = app.signed_in("ada").await;
    app.provider
        .faults(|faults| faults.edit_refreshed_claims = Some(Box::new(edit)));
    pass(&app);
    ada.is_signed_in().await;
    // On a busy machine, the request does not wait for the answer.
    until("answered", || {
        app.storage().sessions() == 0 || session(&app).recheck_round == 1
    })
    .await;
    let is_in = ada.is_signed_in().await;
    (app, ada, is_in)
}

on_both! {
    /// RFC 7009 2.1 (b)
    async fn a_person_who_was_removed_is_out_at_the_next_recheck(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        let grace = app.signed_in("grace").await;
        app.provider.remove_person("ada");
        assert!(ada.is_signed_in().await);
        pass(&app);
        until_out(&ada).await;
        let page = ada.get("/profile").await;
        assert_eq!(page.location(), "/login?return_to=%2Fprofile");
        assert_eq!(events_because(&app, "session_revoked", "provider"), 1);
        assert!(grace.is_signed_in().await);
        assert_eq!(app.storage().sessions(), 1);
        assert_eq!(app.provider.request_count(Endpoint::Revoke), 0);
    }

    async fn a_refreshed_id_token_of_somebody_else_ends_the_session(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        app.provider.faults(|faults| {
            faults.edit_refreshed_claims = Some(Box::new(|claims| claims["sub"] = "00ugrace".into()));
        });
        pass(&app);
        until_out(&ada).await;
        assert_eq!(app.storage().sessions(), 0);
        assert_eq!(events_because(&app, "session_revoked", "refresh_refused"), 1);
    }

    async fn a_session_that_ends_during_a_refresh_stays_ended(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        let elsewhere = app.visitor();
        elsewhere.set_app_cookie("doorward", &ada.app_cookies()["doorward"]);
        app.provider.faults(|faults| {
            faults.delay.insert(Endpoint::Token, Duration::from_millis(700));
        });
        pass(&app);
        let sign_out = async {
            until("asked", || refreshes(&app.provider) == 1).await;
            assert_eq!(elsewhere.post("/logout", "").await.status, 303);
            assert_eq!(app.storage().sessions(), 0);
        };
        let (is_in, ()) = futures_util::future::join(ada.is_signed_in(), sign_out).await;
        assert!(!is_in);
        assert_eq!(app.storage().sessions(), 0);
        // The token that came too late goes back.
        until("revoked", || app.provider.live_refresh_tokens() == 0).await;
    }
}

#[actix_web::test]
async fn a_refreshed_id_token_that_is_not_of_the_sign_in_ends_the_session() {
    for changed in [
        json!({"iss": "https://other.example"}),
        json!({"aud": "other"}),
        json!({"auth_time": 1_000_000_000}),
        json!({"iat": 1_000_000_000}),
        json!({"nonce": "another"}),
        json!({"sub": "00ugrace", "session_expiry": 1_000_000_000}),
        json!({"exp": 1_000_000_000}),
        json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    ] {
        let told = changed.clone();
        let (app, _ada, is_in) = rechecked(move |claims| {
            for (name, value) in changed.as_object().unwrap() {
                claims[name] = value.clone();
            }
        })
        .await;
        assert!(!is_in, "{told}");
        let ended = events_because(&app, "session_revoked", "refresh_refused");
        assert_eq!((ended, app.storage().sessions()), (1, 0), "{told}");
    }
    let (app, _ada, is_in) = rechecked(|_| ()).await;
    assert!(is_in && session(&app).recheck_round == 1);
}

#[actix_web::test]
async fn a_refreshed_id_token_that_the_provider_did_not_sign_ends_the_session() {
    let app = start(Database::Sqlite);
    let ada = app.signed_in("ada").await;
    app.provider
        .faults(|faults| faults.signing = Signing::Foreign);
    pass(&app);
    until_out(&ada).await;
    assert_eq!(
        events_because(&app, "session_revoked", "refresh_refused"),
        1
    );
}

/// A careless provider repeats what it was sent.
#[actix_web::test]
async fn the_refresh_token_is_in_no_log_line_though_the_provider_repeats_it() {
    let app = start(Database::Sqlite);
    let ada = app.signed_in("ada").await;
    app.provider
        .faults(|faults| faults.keep_refresh_token = true);
    pass(&app);
    assert!(ada.is_signed_in().await);
    until("asked", || refreshes(&app.provider) == 1).await;
    let requests = app.provider.requests(Endpoint::Token);
    let token = requests[1].form.get("refresh_token").unwrap().to_owned();
    let description = format!("repeated: {token} is unknown");
    let refusal = json!({"error": "invalid_grant", "error_description": description});
    answer_with(&app, Endpoint::Token, Canned::json(400, &refusal));
    until("concluded", || session(&app).recheck_round == 1).await;
    pass(&app);
    until_out(&ada).await;
    assert!(!log::lines_with("it repeats a secret").is_empty());
    assert!(log::lines_with(&token).is_empty());
}

/// Doorward had a copy of the token, and somebody else used it.
#[actix_web::test]
async fn a_refresh_token_that_was_used_by_somebody_else_ends_the_session() {
    let app = start(Database::Sqlite);
    let ada = app.signed_in("ada").await;
    let before = session(&app).state;
    pass(&app);
    assert!(ada.is_signed_in().await);
    until("concluded", || session(&app).recheck_round == 1).await;
    // As after a crash between the answer and the write.
    let restore = format!("UPDATE sessions SET state = '{before}'");
    app.storage().execute(&restore);
    pass(&app);
    until_out(&ada).await;
    assert_eq!(events_because(&app, "session_revoked", "provider"), 1);
}

on_both! {
    async fn without_a_refresh_token_the_browser_goes_round(database: Database) {
        // No offline_access.
        let app = TestApp::spawn_with(database, &[RECHECK[0], RECHECK[3]]);
        let ada = app.signed_in("ada").await;
        assert!(ada.is_signed_in().await);
        pass(&app);
        let login = ada.get("/profile").await;
        assert_eq!(login.location(), "/login?return_to=%2Fprofile");
        // The provider does not ask: she is signed in there.
        let provider = ada.begin(login.location()).await;
        let callback = ada.get(&provider).await.location().to_owned();
        assert_eq!(ada.get(&callback).await.location(), "/profile");
        assert!(ada.is_signed_in().await);
        assert_eq!((app.storage().sessions(), refreshes(&app.provider)), (1, 0));
        // Signing out does not ask first.
        pass(&app);
        assert_eq!(ada.post("/logout", "").await.status, 303);
        assert_eq!(app.storage().sessions(), 0);
    }
}
