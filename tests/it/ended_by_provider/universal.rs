//! Okta's Universal Logout (draft-parecki-oauth-global-token-revocation).

use awc::http::Method;
use serde_json::json;

use super::{id_token_of, logout_claims, revocation_token, revoked, universal};
use crate::on_both;
use crate::support::TestApp;

fn by_subject(app: &TestApp, sub: &str) -> String {
    json!({"sub_id": {"format": "iss_sub", "iss": app.provider.issuer(), "sub": sub}}).to_string()
}

fn by_email(email: &str) -> String {
    json!({"sub_id": {"format": "email", "email": email}}).to_string()
}

on_both! {
    /// Universal Logout 3.3 (a)
    /// Universal Logout 3.3 (b)
    /// Universal Logout 3.4.1
    async fn universal_logout_by_issuer_and_subject_ends_all_sessions(app: TestApp) {
        let (one, two) = (app.signed_in("ada").await, app.signed_in("ada").await);
        let grace = app.signed_in("grace").await;
        let token = revocation_token(&app, json!({}));
        let answer = universal(&app, Some(&token), &by_subject(&app, "00uada")).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(!one.is_signed_in().await && !two.is_signed_in().await);
        assert!(grace.is_signed_in().await);
        assert_eq!(revoked(&app), ["00uada universal_logout"; 2]);
    }

    /// Universal Logout 3.2 (a)
    async fn universal_logout_by_email_in_another_case_too(app: TestApp) {
        let ada = app.signed_in("ada").await;
        let grace = app.signed_in("grace").await;
        let token = revocation_token(&app, json!({}));
        assert_eq!(universal(&app, Some(&token), &by_email("ADA@Example.COM")).await.status, 204);
        assert!(!ada.is_signed_in().await && grace.is_signed_in().await);
    }

    /// Universal Logout 6.1
    async fn universal_logout_by_email_leaves_the_namesake_of_another_issuer_alone(app: TestApp) {
        let ada = app.signed_in("ada").await;
        app.storage().execute(
            "INSERT INTO users (id, issuer, subject, email, email_verified, created_at, last_sign_in_at, email_key) \
             SELECT 'other', 'https://other.example', subject, email, email_verified, created_at, last_sign_in_at, email_key FROM users",
        );
        app.storage().execute(
            "INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at) \
             SELECT 'others', 'other', state, created_at, last_seen_at FROM sessions",
        );
        let token = revocation_token(&app, json!({}));
        assert_eq!(universal(&app, Some(&token), &by_email("ada@example.com")).await.status, 204);
        assert!(!ada.is_signed_in().await);
        assert_eq!(app.storage().sessions(), 1);
    }

    /// Who has not signed in since there are keys has none.
    async fn universal_logout_by_email_finds_people_of_the_previous_version(app: TestApp) {
        let ada = app.signed_in("ada").await;
        app.storage().execute("UPDATE users SET email_key = NULL");
        let token = revocation_token(&app, json!({}));
        assert_eq!(universal(&app, Some(&token), &by_email("Ada@example.com")).await.status, 204);
        assert!(!ada.is_signed_in().await);
    }

    /// Universal Logout 3.3 (b)
    async fn a_sign_in_under_way_does_not_survive_universal_logout(app: TestApp) {
        app.signed_in("ada").await;
        let visitor = app.visitor();
        let callback = visitor.callback_for("ada").await;
        let token = revocation_token(&app, json!({}));
        assert_eq!(universal(&app, Some(&token), &by_subject(&app, "00uada")).await.status, 204);
        let again = visitor.get(&callback).await;
        assert!(again.location().starts_with(&app.provider.issuer()), "{again:?}");
        assert!(!visitor.is_signed_in().await);
    }

    /// Universal Logout Okta (d)
    async fn universal_logout_twice_is_401(app: TestApp) {
        app.signed_in("ada").await;
        let token = revocation_token(&app, json!({}));
        assert_eq!(universal(&app, Some(&token), &by_subject(&app, "00uada")).await.status, 204);
        app.clock.shift(time::Duration::SECOND);
        let ada = app.signed_in("ada").await;
        let again = universal(&app, Some(&token), &by_subject(&app, "00uada")).await;
        assert_eq!(again.status, 401);
        assert_eq!(again.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
        assert!(ada.is_signed_in().await);
    }
}

/// Universal Logout 3.4.2
#[actix_web::test]
async fn universal_logout_of_nobody_is_404() {
    let app = TestApp::spawn();
    for body in [by_subject(&app, "nobody"), by_email("nobody@example.com")] {
        let token = revocation_token(&app, json!({}));
        assert_eq!(
            universal(&app, Some(&token), &body).await.status,
            404,
            "{body}"
        );
    }
    // A person without a session is somebody.
    app.signed_in("ada").await.post("/logout", "").await;
    let token = revocation_token(&app, json!({}));
    assert_eq!(
        universal(&app, Some(&token), &by_subject(&app, "00uada"))
            .await
            .status,
        204
    );
}

/// Universal Logout 3.2 (b)
/// Universal Logout 3.4.2
#[actix_web::test]
async fn universal_logout_with_another_token_is_401() {
    let app = TestApp::spawn();
    let id_token = id_token_of(&app, "ada").await;
    let logout = app
        .provider
        .sign_id_token(&logout_claims(&app, json!({"sub": "00uada"})));
    let query = format!("{}/universal-logout?x=1", app.url);
    for (token, challenge) in [
        (None, "Bearer"),
        (Some(""), "Bearer"),
        (Some(id_token.as_str()), "Bearer error=\"invalid_token\""),
        (Some(logout.as_str()), "Bearer error=\"invalid_token\""),
        (Some("a.b.c"), "Bearer error=\"invalid_token\""),
        (
            Some(revocation_token(&app, json!({"aud": query})).as_str()),
            "Bearer error=\"invalid_token\"",
        ),
    ] {
        let answer = universal(&app, token, &by_subject(&app, "00uada")).await;
        assert_eq!(answer.status, 401, "{token:?}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some(challenge),
            "{token:?}"
        );
    }
    assert_eq!(app.storage().sessions(), 1);
}

/// Universal Logout 3.2 (a)
/// Universal Logout 3.4.2
/// Universal Logout 6.2
#[actix_web::test]
async fn universal_logout_of_a_format_we_do_not_know_is_400_but_only_for_who_may_ask() {
    let app = TestApp::spawn();
    for body in [
        "",
        "{}",
        "[]",
        r#"{"sub_id":{"format":"phone_number","phone_number":"+1"}}"#,
    ] {
        let token = revocation_token(&app, json!({}));
        let answer = universal(&app, Some(&token), body).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (400, r#"{"error":"invalid_request"}"#),
            "{body}"
        );
        assert_eq!(
            universal(&app, Some("a.b.c"), body).await.status,
            401,
            "{body}"
        );
        assert_eq!(universal(&app, None, body).await.status, 401, "{body}");
    }
}

/// Universal Logout 3.1 (a)
#[actix_web::test]
async fn universal_logout_is_a_post_of_json() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let json = "application/json";
    for (method, media_type, status) in [
        (Method::GET, json, 405),
        (Method::PUT, json, 405),
        (Method::POST, "application/x-www-form-urlencoded", 400),
        (Method::POST, "text/json", 400),
        (Method::POST, "application/json; charset=utf-8", 204),
    ] {
        assert!(ada.is_signed_in().await, "{method} {media_type}");
        let request = awc::Client::default()
            .request(method.clone(), format!("{}/universal-logout", app.url))
            .bearer_auth(revocation_token(&app, json!({})))
            .content_type(media_type);
        let answer = request.send_body(by_subject(&app, "00uada")).await.unwrap();
        assert_eq!(answer.status(), status, "{method} {media_type}");
    }
    assert!(!ada.is_signed_in().await);
}

#[actix_web::test]
async fn a_blocked_person_stays_blocked() {
    let app = TestApp::spawn();
    app.signed_in("ada").await;
    app.storage()
        .execute("UPDATE users SET blocked_at = created_at");
    let token = revocation_token(&app, json!({}));
    assert_eq!(
        universal(&app, Some(&token), &by_subject(&app, "00uada"))
            .await
            .status,
        204
    );
    let visitor = app.visitor();
    visitor.sign_in("ada").await;
    assert!(!visitor.is_signed_in().await);
}
