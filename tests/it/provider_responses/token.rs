//! The token endpoint.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    BUSY, NOT_SET_UP, UNUSABLE, assert_nobody_is_signed_in, assert_page, assert_refused,
    assert_signs_in, huge,
};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint};
use crate::support::provider_faults::{answer_with, edit_tokens};

const NOT_BEARER: (u16, &str) = (403, "Unsupported token type. Should be 'Bearer'.");

const CODE_USED_UP: (u16, &str) = (
    403,
    "Your sign-in provider no longer accepts the code: a code works only once, and only for a short time.",
);

/// Core 3.1.3.5
#[actix_web::test]
async fn a_token_answer_in_html_is_refused() {
    let app = TestApp::spawn();
    for html in ["<html>We are back soon</html>", "", "\"Bearer\"", "null"] {
        answer_with(&app, Endpoint::Token, Canned::html(200, html));
        assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
    }
}

/// RFC 6749 5.2
#[actix_web::test]
async fn a_code_that_the_provider_does_not_take_is_refused() {
    let app = TestApp::spawn();
    let refusal = json!({"error": "invalid_grant", "error_description": "<b>stale</b>"});
    answer_with(&app, Endpoint::Token, Canned::json(400, &refusal));
    let ada = app.visitor();
    let mut answer = ada.sign_in("ada").await;
    for _ in 0..2 {
        let at_the_provider = ada.get(answer.location()).await;
        answer = ada.get(at_the_provider.location()).await;
    }
    assert_page(
        &answer,
        CODE_USED_UP,
        "the token endpoint responded with invalid_grant",
    );
    assert_nobody_is_signed_in(&app, &ada, "a refused code").await;
}

/// RFC 6749 5.2
#[actix_web::test]
async fn a_token_endpoint_that_does_not_take_us_is_the_providers_or_the_operators_fault() {
    let app = TestApp::spawn();
    for (status, error) in [
        (401, "invalid_client"),
        (400, "unauthorized_client"),
        (400, "invalid_request"),
        (400, "unsupported_grant_type"),
    ] {
        let refusal = json!({"error": error, "error_description": "a\r\nb"});
        answer_with(&app, Endpoint::Token, Canned::json(status, &refusal));
        let cause = format!(
            "the token endpoint responded with {error:?}; it says \"a\\r\\nb\" (GET /authorization-code/callback 502); \
             check OIDC_CLIENT_ID"
        );
        assert_refused(&app, NOT_SET_UP, &cause).await;
    }
}

#[actix_web::test]
async fn a_token_endpoint_in_trouble_is_refused() {
    let app = TestApp::spawn();
    for (status, page) in [
        (404, UNUSABLE),
        (429, BUSY),
        (500, UNUSABLE),
        (503, BUSY),
        (204, UNUSABLE),
        (201, UNUSABLE),
    ] {
        answer_with(
            &app,
            Endpoint::Token,
            Canned::html(status, "<h1>Sorry</h1>"),
        );
        let cause = format!("token: the provider responded with status {status}");
        assert_refused(&app, page, &cause).await;
    }
}

/// Core 3.1.3.3 (a)
/// RFC 6749 5.1
#[actix_web::test]
async fn tokens_without_a_type_are_refused() {
    let app = TestApp::spawn();
    let cause = "the token response is refused: it has no token_type";
    edit_tokens(&app, |tokens| {
        drop(tokens.as_object_mut().unwrap().remove("token_type"))
    });
    assert_refused(&app, NOT_BEARER, cause).await;
    edit_tokens(&app, |tokens| tokens["token_type"] = json!(null));
    assert_refused(&app, NOT_BEARER, cause).await;
}

/// Core 3.1.3.3 (a)
/// RFC 6749 7.1: A token of a type that is not understood is not used (MUST NOT)
#[actix_web::test]
async fn tokens_of_another_type_are_refused() {
    let app = TestApp::spawn();
    for other in ["DPoP", "mac", "N_A", "", "Bearer ", "Bearer\u{0}"] {
        edit_tokens(&app, move |tokens| tokens["token_type"] = json!(other));
        let cause = "the token response is refused: its token_type is not Bearer";
        assert_refused(&app, NOT_BEARER, cause).await;
    }
}

/// Core 3.1.3.3 (a)
#[actix_web::test]
async fn bearer_is_accepted_in_any_case() {
    let app = TestApp::spawn();
    for bearer in ["bearer", "BEARER"] {
        edit_tokens(&app, move |tokens| tokens["token_type"] = json!(bearer));
        assert_signs_in(&app, "ada").await;
    }
}

/// Core 3.1.3.5
/// RFC 6749 10.16: Access tokens do not authenticate anybody (MUST NOT)
#[actix_web::test]
async fn an_answer_without_id_token_is_refused() {
    let app = TestApp::spawn();
    edit_tokens(&app, |tokens| {
        drop(tokens.as_object_mut().unwrap().remove("id_token"))
    });
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
}

/// RFC 6749 5.1
#[actix_web::test]
async fn an_answer_without_access_token_is_refused() {
    let app = TestApp::spawn();
    edit_tokens(&app, |tokens| {
        drop(tokens.as_object_mut().unwrap().remove("access_token"))
    });
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
}

/// Core 3.1.3.5
#[actix_web::test]
async fn tokens_of_a_wrong_json_type_are_refused() {
    let app = TestApp::spawn();
    for name in ["access_token", "id_token", "token_type"] {
        for wrong in [json!(7), json!(["x"]), json!({}), json!(true)] {
            edit_tokens(&app, move |tokens| tokens[name] = wrong.clone());
            assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
        }
    }
}

/// Core 3.1.3.5
#[actix_web::test]
async fn a_token_answer_that_is_an_array_is_refused() {
    let app = TestApp::spawn();
    edit_tokens(&app, |tokens| *tokens = json!([tokens.clone()]));
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
    edit_tokens(&app, |tokens| {
        *tokens = json!([tokens["access_token"], tokens["id_token"], "Bearer"]);
    });
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
    edit_tokens(&app, |tokens| *tokens = json!(["Bearer"]));
    assert_refused(&app, UNUSABLE, "the token response is refused: ").await;
}

/// RFC 6750 5.3 (d): A token that would break the header is not sent
#[actix_web::test]
async fn an_access_token_that_would_break_the_request_is_refused() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_claims = Some(Box::new(|claims| {
            drop(claims.as_object_mut().unwrap().remove("at_hash"))
        }));
    });
    edit_tokens(&app, |tokens| {
        tokens["access_token"] = json!("a\r\nX-Injected: yes")
    });
    assert_refused(&app, UNUSABLE, "userinfo: the provider can't be reached: ").await;
    assert_eq!(app.provider.request_count(Endpoint::Userinfo), 0);
}

#[actix_web::test]
async fn a_huge_token_answer_is_refused_before_it_ends() {
    let app = TestApp::spawn();
    answer_with(&app, Endpoint::Token, huge());
    let began = Instant::now();
    assert_refused(
        &app,
        UNUSABLE,
        "token: the provider's response can't be read",
    )
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}
