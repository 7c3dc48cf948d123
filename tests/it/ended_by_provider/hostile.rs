//! What strangers post.

use serde_json::json;

use super::{id_token_of, log_out, logout_claims, post, signed_as, signed_in_with};
use crate::support::TestApp;
use crate::support::provider::{Endpoint, Keep, Signing};
use crate::support::provider_faults::sign_with;

async fn refused(app: &TestApp, form: &str) {
    let answer = post(app, form).await;
    let body =
        r#"{"error":"invalid_request","error_description":"This is not a valid logout token."}"#;
    assert_eq!((answer.status, answer.body.as_str()), (400, body), "{form}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{form}");
    assert!(answer.cookies().is_empty(), "{form}");
}

/// Back-Channel 2.5 (a)
/// Back-Channel 2.5 (b)
#[actix_web::test]
async fn a_logout_request_that_is_no_form_with_one_token_is_refused() {
    let app = TestApp::spawn();
    let token = app
        .provider
        .sign_id_token(&logout_claims(&app, json!({"sub": "00uada"})));
    for form in [
        String::new(),
        "logout_token=".to_owned(),
        format!("token={token}"),
        format!("logout_token={token}&logout_token={token}"),
        format!("logout_token={token}&logout_token="),
        format!("logout_token={token}.x"),
        format!("logout_token={}", "x".repeat(17_000)),
        format!("logout_token={token}&x={}", "x".repeat(17_000)),
    ] {
        refused(&app, &form).await;
    }
    // Other parameters do not count.
    let form = format!("x=1&x=2&logout_token={token}");
    assert_eq!(post(&app, &form).await.status, 200);
}

/// Back-Channel 4.1 (a)
#[actix_web::test]
async fn a_token_of_another_kind_is_no_logout_token() {
    let app = TestApp::spawn();
    let id_token = id_token_of(&app, "ada").await;
    refused(&app, &format!("logout_token={id_token}")).await;
    for typ in ["at+jwt", "global-token-revocation+jwt", "secevent+jwt"] {
        let token = signed_as(&app, typ, &logout_claims(&app, json!({"sub": "00uada"})));
        refused(&app, &format!("logout_token={token}")).await;
    }
    assert_eq!(app.storage().sessions(), 1);
}

/// Back-Channel 2.4 (a)
/// Back-Channel 2.4 (b)
/// Back-Channel 2.4 (c)
/// Back-Channel 2.6 (4)
/// Back-Channel 2.6 (5 to 7)
/// Back-Channel 2.6, end
#[actix_web::test]
async fn a_logout_token_that_lacks_something_is_refused() {
    let app = TestApp::spawn();
    for more in [
        json!({}),
        json!({"sub": "00uada", "exp": null}),
        json!({"sub": "00uada", "exp": super::now(&app) - 61}),
        json!({"sub": "00uada", "iat": super::now(&app) + 120}),
        json!({"sub": "00uada", "aud": "other"}),
        json!({"sub": "00uada", "iss": "https://other.example"}),
        json!({"sub": "00uada", "nonce": "n"}),
        json!({"sub": "00uada", "events": {}}),
        json!({"sub": "00uada", "jti": ""}),
        json!({"sub": "", "sid": "s1"}),
    ] {
        let token = app.provider.sign_id_token(&logout_claims(&app, more));
        refused(&app, &format!("logout_token={token}")).await;
    }
}

/// Back-Channel 2.6 (2)
/// Back-Channel 2.6 (3)
/// Back-Channel 4 (a)
#[actix_web::test]
async fn an_unsigned_logout_token_is_refused_whatever_the_settings() {
    let app = TestApp::spawn();
    let pem = app.provider.public_rsa_pem();
    for signing in [
        Signing::None,
        Signing::Foreign,
        Signing::ForeignEmbedded,
        Signing::Hs256(pem),
    ] {
        sign_with(&app, signing);
        let token = app
            .provider
            .sign_id_token(&logout_claims(&app, json!({"sub": "00uada"})));
        app.provider.heal();
        refused(&app, &format!("logout_token={token}")).await;
        // Each with the newest keys.
        app.clock.shift(time::Duration::MINUTE);
    }
}

/// Back-Channel 2.6 (3)
#[actix_web::test]
async fn a_logout_token_of_an_algorithm_that_is_published_but_not_agreed_is_refused() {
    let app = TestApp::spawn_with(
        crate::support::Database::Sqlite,
        &[("OIDC_ID_TOKEN_ALGS", "RS256")],
    );
    sign_with(&app, Signing::Es256);
    let claims = logout_claims(&app, json!({"sub": "00uada"}));
    let token = app.provider.sign_id_token(&claims);
    app.provider.heal();
    refused(&app, &format!("logout_token={token}")).await;
    assert_eq!(log_out(&app, json!({"sub": "00uada"})).await.status, 200);
}

/// Back-Channel 4 (a)
#[actix_web::test]
async fn made_up_kids_do_not_keep_a_sign_in_from_new_keys() {
    let app = TestApp::spawn();
    signed_in_with(&app, "ada", "s1").await;
    let before = app.provider.request_count(Endpoint::Keys);
    for nth in 0..20 {
        app.provider.faults(|faults| {
            faults.edit_header = Some(Box::new(move |header| {
                header["kid"] = format!("made-up-{nth}").into()
            }));
        });
        let token = app
            .provider
            .sign_id_token(&logout_claims(&app, json!({"sub": "00uada"})));
        app.provider.heal();
        let form = format!("logout_token={token}");
        if nth == 0 {
            refused(&app, &form).await;
            continue;
        }
        // Within the minute after, nobody knows whether newer keys would verify it.
        let answer = post(&app, &form).await;
        let body = r#"{"error":"temporarily_unavailable"}"#;
        assert_eq!((answer.status, answer.body.as_str()), (400, body));
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    assert_eq!(app.provider.request_count(Endpoint::Keys), before + 1);
    // A rotation within the same minute: the sign-in asks for the new keys.
    app.provider.rotate_keys(Keep::No);
    let ada = app.signed_in("ada").await;
    assert!(ada.is_signed_in().await);
    assert_eq!(app.provider.request_count(Endpoint::Keys), before + 2);
}

/// Back-Channel 4 (a)
#[actix_web::test]
async fn strangers_run_into_the_rate_limit_and_the_provider_does_not() {
    let app = TestApp::spawn_with(crate::support::Database::Sqlite, &[("RATE_LIMIT", "5")]);
    for nth in 0..10 {
        let answer = log_out(&app, json!({"sub": "00uada"})).await;
        assert_eq!(answer.status, 200, "{nth}");
    }
    for nth in 0..8 {
        let answer = post(&app, "logout_token=a.b.c").await;
        assert_eq!(answer.status, if nth < 5 { 400 } else { 429 }, "{nth}");
    }
    assert_eq!(log_out(&app, json!({"sub": "00uada"})).await.status, 200);
    let kept = app
        .storage()
        .number("SELECT COUNT(*) AS n FROM audit_events WHERE event = 'logout_refused'");
    assert_eq!(kept, 5);
}

/// Back-Channel 2.5 (a)
#[actix_web::test]
async fn other_verbs_are_405() {
    let app = TestApp::spawn();
    for address in ["/backchannel-logout", "/universal-logout"] {
        let answer = app.visitor().get(address).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }
}
