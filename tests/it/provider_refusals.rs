//! The provider's refusals: their text is in the log, an expired page starts again, and a fault of set-up is told
//! as one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::form_urlencoded;

use crate::on_both;
use crate::provider_responses::{NOT_SET_UP, UNUSABLE, assert_refused};
use crate::support::app::{CLIENT_ID, CLIENT_SECRET};
use crate::support::provider::{Canned, Endpoint, Params};
use crate::support::provider_faults::answer_with;
use crate::support::{TestApp, log};

/// As Keycloak does when its page stood open for too long.
fn page_expires(app: &TestApp, times: usize) {
    let left = std::sync::atomic::AtomicUsize::new(times);
    let edit = move |answer: &mut Params| {
        use std::sync::atomic::Ordering::SeqCst;
        if left
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .is_ok()
        {
            answer.0.retain(|(name, _)| name == "state");
            answer.push("error", "temporarily_unavailable");
            answer.push("error_description", "authentication_expired");
        }
    };
    app.provider
        .faults(|faults| faults.edit_redirect = Some(Box::new(edit)));
}

on_both! {
    async fn a_page_that_expired_at_the_provider_starts_again_at_once(app: TestApp) {
        page_expires(&app, 1);
        let ada = app.visitor();
        let again = ada.sign_in("ada").await;
        assert_eq!(again.status, 303, "{:?}", again.refusal());
        assert!(again.location().contains("/authorize?"), "{}", again.location());
        let at_the_provider = ada.get(again.location()).await;
        assert_eq!(ada.get(at_the_provider.location()).await.location(), "/profile");
        assert!(ada.is_signed_in().await);
    }
}

#[actix_web::test]
async fn a_page_that_always_expires_starts_again_twice_at_most() {
    let app = TestApp::spawn();
    page_expires(&app, 100);
    let ada = app.visitor();
    let mut answer = ada.sign_in("ada").await;
    for _ in 0..2 {
        let at_the_provider = ada.get(answer.location()).await;
        answer = ada.get(at_the_provider.location()).await;
    }
    let sentence = "Your sign-in provider's page was open for too long and has expired.";
    assert_eq!(answer.refusal(), (502, sentence.to_owned()));
    assert_eq!(app.provider.request_count(Endpoint::Token), 0);
    assert!(!ada.is_signed_in().await);
}

#[actix_web::test]
async fn another_temporary_fault_of_the_provider_does_not_start_again() {
    let app = TestApp::spawn();
    for description in [None, Some("Authentication_expired"), Some("")] {
        app.provider.faults(|faults| {
            faults.edit_redirect = Some(Box::new(move |answer| {
                answer.0.retain(|(name, _)| name == "state");
                answer.push("error", "temporarily_unavailable");
                if let Some(description) = description {
                    answer.push("error_description", description);
                }
            }));
        });
        let page = app.visitor().sign_in("ada").await;
        let sentence = "It can't sign anybody in right now.";
        assert_eq!(page.refusal(), (502, sentence.to_owned()));
    }
}

#[actix_web::test]
async fn the_token_endpoints_description_is_logged_cut_and_escaped() {
    let app = TestApp::spawn();
    let long = format!("a\r\nERROR forged\u{1b}{}", "d".repeat(9000));
    for code in ["invalid_client", "unauthorized_client"] {
        let refusal = json!({"error": code, "error_description": long});
        answer_with(&app, Endpoint::Token, Canned::json(401, &refusal));
        let page = app.visitor().sign_in("ada").await;
        let line = log::error_of(&page);
        let expected = format!("the token endpoint responded with {code:?}; it says");
        assert!(line.contains(&expected), "{line}");
        let hint = " (GET /authorization-code/callback 502); check OIDC_CLIENT_ID";
        assert!(line.contains(hint), "{line}");
        assert!(
            line.contains("; it says \"a\\r\\nERROR forged\\u{1b}ddd"),
            "{line}"
        );
        assert!(
            line.len() < 700 && !line.contains(['\r', '\n', '\u{1b}']),
            "{line:?}"
        );
        assert!(!page.body.contains("forged"));
    }
    let refusal =
        json!({"error": "invalid_grant", "error_description": "PKCE verification failed"});
    answer_with(&app, Endpoint::Token, Canned::json(400, &refusal));
    app.visitor().sign_in("ada").await;
    let lines = log::lines_with("it says \"PKCE verification failed\"");
    assert!(
        !lines.is_empty(),
        "it is logged although the sign-in starts again"
    );
}

#[actix_web::test]
async fn a_secret_that_the_token_endpoint_repeats_is_not_logged() {
    let app = TestApp::spawn();
    let encoded =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let (id, secret) = (encoded(CLIENT_ID), encoded(CLIENT_SECRET));
    let credentials = STANDARD.encode(format!("{id}:{secret}"));
    for repeated in [CLIENT_SECRET, &secret, &credentials] {
        let description = format!("not accepted: {repeated}");
        let refusal = json!({"error": "invalid_client", "error_description": description});
        answer_with(&app, Endpoint::Token, Canned::json(401, &refusal));
        let page = app.visitor().sign_in("ada").await;
        let line = log::error_of(&page);
        assert!(line.contains("it says \"(it repeats a secret)\""), "{line}");
        assert!(!line.contains(repeated), "{line}");
    }
}

#[actix_web::test]
async fn an_access_token_that_userinfo_repeats_is_not_logged() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_token_response =
            Some(Box::new(|tokens| tokens["access_token"] = json!("hunter2")));
        faults.edit_claims = Some(Box::new(|claims| {
            drop(claims.as_object_mut().unwrap().remove("at_hash"))
        }));
    });
    let challenge = "Bearer error=\"invalid_token\", error_description=\"hunter2 is no token\"";
    answer_with(&app, Endpoint::Userinfo, challenged(401, challenge));
    let line = log::error_of(&app.visitor().sign_in("ada").await);
    assert!(
        line.contains(": \"invalid_token\"; it says \"(it repeats a secret)\""),
        "{line}"
    );
}

fn challenged(status: u16, challenge: &str) -> Canned {
    let mut canned = Canned::new(status, "text/plain", "no");
    canned
        .headers
        .push(("WWW-Authenticate".into(), challenge.into()));
    canned
}

/// RFC 9110, 11.6.1: several challenges may come, also in several headers.
#[actix_web::test]
async fn the_error_is_found_among_several_challenges() {
    let app = TestApp::spawn();
    let mut canned = challenged(401, "DPoP algs=\"ES256\"");
    let bearer = "Bearer error=\"invalid_token\", error_description=\"ung\u{fc}ltig\"";
    canned
        .headers
        .push(("WWW-Authenticate".into(), bearer.into()));
    answer_with(&app, Endpoint::Userinfo, canned);
    let cause = "userinfo: the provider responded with status 401: \"invalid_token\"; it says \"ung\u{fc}ltig\" (GET ";
    assert_refused(&app, UNUSABLE, cause).await;
}

/// RFC 6750, 3.1.
///
/// Core 5.3.3
#[actix_web::test]
async fn why_userinfo_refuses_the_access_token_is_logged() {
    let app = TestApp::spawn();
    for (status, challenge, said) in [
        (
            401,
            "Bearer realm=\"x\", error=\"invalid_token\", error_description=\"Token is \\\"expired\\\"\"",
            ": \"invalid_token\"; it says \"Token is \\\"expired\\\"\" (GET ",
        ),
        (
            403,
            "Bearer error=insufficient_scope, scope=\"openid\"",
            ": \"insufficient_scope\" (GET ",
        ),
        (401, "Bearer realm=\"x\"", " (GET "),
        (401, "Bearer error=\"<script>\"", " (GET "),
        (500, "Bearer error=\"invalid_token\"", " (GET "),
    ] {
        answer_with(&app, Endpoint::Userinfo, challenged(status, challenge));
        let cause = format!("userinfo: the provider responded with status {status}{said}");
        assert_refused(&app, UNUSABLE, &cause).await;
    }
}

/// A fault that waiting does not fix is not called unreachable, and no page says to try again in a minute.
#[actix_web::test]
async fn a_fault_of_set_up_is_told_as_one() {
    let html = |status| Canned::html(status, "<h1>no</h1>");
    let refusal = |status, code| Canned::json(status, &json!({ "error": code }));
    for (endpoint, canned, expected) in [
        (Endpoint::Token, refusal(401, "invalid_client"), NOT_SET_UP),
        (
            Endpoint::Token,
            refusal(401, "unauthorized_client"),
            NOT_SET_UP,
        ),
        (Endpoint::Token, html(401), NOT_SET_UP),
        (Endpoint::Discovery, html(404), NOT_SET_UP),
        (Endpoint::Discovery, html(200), NOT_SET_UP),
        (
            Endpoint::Discovery,
            Canned::json(200, &json!({"issuer": "https://evil.example"})),
            NOT_SET_UP,
        ),
        (Endpoint::Keys, html(404), NOT_SET_UP),
        (Endpoint::Token, html(400), UNUSABLE),
        (Endpoint::Token, refusal(400, "server_error"), UNUSABLE),
    ] {
        let app = TestApp::spawn();
        let what = format!(
            "{endpoint:?} {} {}",
            canned.status,
            String::from_utf8_lossy(&canned.body)
        );
        answer_with(&app, endpoint, canned);
        let visitor = app.visitor();
        let page = match endpoint {
            Endpoint::Discovery => visitor.get("/login").await,
            _ => visitor.sign_in("ada").await,
        };
        assert_eq!(
            page.refusal(),
            (expected.0, expected.1.to_owned()),
            "{what}"
        );
        if expected == NOT_SET_UP {
            assert!(page.has("error-reference"), "{what}");
            assert!(
                page.body.contains("Tell your administrator the reference"),
                "{what}"
            );
            assert!(!page.body.contains("in a minute"), "{what}");
        }
    }
}
