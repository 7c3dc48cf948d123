//! The discovery document.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{NOT_SET_UP, UNREACHABLE, assert_page, huge, redirect};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint};
use crate::support::provider_faults::{answer_with, edit_discovery};

/// A document that can't be used lets nobody through, is not remembered, and its page does not claim that the person
/// was let in.
async fn assert_no_discovery(app: &TestApp, expected: (u16, &str), cause: &str) {
    let ada = app.visitor();
    let page = ada.get("/login").await;
    assert_page(&page, expected, cause);
    assert!(page.cookies().is_empty(), "{:?}", page.cookies());
    app.provider.heal();
    ada.begin("/login").await;
}

/// Discovery 4.2
#[actix_web::test]
async fn a_discovery_endpoint_in_trouble_is_refused() {
    for (status, page) in [
        (404, NOT_SET_UP),
        (500, UNREACHABLE),
        (502, UNREACHABLE),
        (204, UNREACHABLE),
    ] {
        let app = TestApp::spawn();
        answer_with(&app, Endpoint::Discovery, Canned::html(status, "no"));
        let cause = format!("discovery: the provider responded with status {status}");
        assert_no_discovery(&app, page, &cause).await;
    }
}

/// Discovery 4.2
#[actix_web::test]
async fn a_discovery_document_that_leads_elsewhere_is_not_followed() {
    let app = TestApp::spawn();
    let (canned, target) = redirect(302);
    answer_with(&app, Endpoint::Discovery, canned);
    assert_no_discovery(
        &app,
        UNREACHABLE,
        "discovery: the provider responded with status 302",
    )
    .await;
    assert!(target.accept().is_err(), "no request was sent there");
}

/// Discovery 4.3 (a): the sign-in fails, and the document is not cached
/// Suite config `discovery-issuer-mismatch`: refuse a document of another issuer
/// IPSIE 3.2.2 (f)
#[actix_web::test]
async fn a_discovery_document_of_another_issuer_is_refused() {
    for other in ["https://evil.example", "/"] {
        let app = TestApp::spawn();
        let issuer = app.provider.issuer();
        let other = match other {
            "/" => format!("{issuer}/"),
            other => other.to_owned(),
        };
        let cause = format!(
            "the discovery document is refused: OIDC_ISSUER is {issuer:?} but the document there says {other:?}"
        );
        edit_discovery(&app, move |document| document["issuer"] = json!(other));
        assert_no_discovery(&app, NOT_SET_UP, &cause).await;
    }
}

/// Discovery 4.2
#[actix_web::test]
async fn a_discovery_document_that_is_none_is_refused() {
    for body in ["<html>We are back soon</html>", "", "null", "[]", "{}"] {
        let app = TestApp::spawn();
        answer_with(&app, Endpoint::Discovery, Canned::html(200, body));
        assert_no_discovery(&app, NOT_SET_UP, "the discovery document is refused: ").await;
    }
}

/// OpenID Connect Discovery 1.0, 4.2: it is an object, though serde would take an array for one.
///
/// Discovery 4.2
#[actix_web::test]
async fn a_discovery_document_in_an_array_is_refused() {
    let app = TestApp::spawn();
    edit_discovery(&app, |document| {
        let in_order = [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "end_session_endpoint",
            "id_token_signing_alg_values_supported",
        ];
        *document = json!(in_order.map(|name| document[name].clone()));
    });
    assert_no_discovery(&app, NOT_SET_UP, "the discovery document is refused: ").await;
}

/// Discovery 3 (a)
#[actix_web::test]
async fn an_endpoint_in_the_clear_is_refused() {
    let app = TestApp::spawn();
    edit_discovery(&app, |document| {
        document["token_endpoint"] = json!("http://evil.example/token");
    });
    let cause = "the discovery document is refused: http://evil.example/token is neither https nor";
    assert_no_discovery(&app, NOT_SET_UP, cause).await;
}

#[actix_web::test]
async fn a_huge_discovery_document_is_refused_before_it_ends() {
    let app = TestApp::spawn();
    answer_with(&app, Endpoint::Discovery, huge());
    let began = Instant::now();
    assert_no_discovery(
        &app,
        UNREACHABLE,
        "discovery: the provider's response can't be read",
    )
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}
