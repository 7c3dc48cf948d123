//! Errors that the provider sends people back with (RFC 6749, 4.1.2.1).

use super::{BUSY, assert_nobody_is_signed_in, assert_page};
use crate::support::provider::{Endpoint, Params};
use crate::support::{TestApp, log};

const NO_STATE: (u16, &str) = (
    403,
    "The response does not say which sign-in it belongs to.",
);

/// From now on the provider sends people back with these parameters and the state.
fn send_back(app: &TestApp, parameters: &'static [(&'static str, &'static str)]) {
    let edit = move |answer: &mut Params| {
        answer.0.retain(|(name, _)| name == "state");
        for (name, value) in parameters {
            answer.push(name, *value);
        }
    };
    app.provider
        .faults(|faults| faults.edit_redirect = Some(Box::new(edit)));
}

const HOSTILE: &str =
    "<b id=\"x\">no</b><script>alert(1)</script>\r\nERROR doorward: forged\u{1b}[31m";

/// Core 3.1.2.6
/// RFC 6749 4.1.2.1 (a): Error responses are understood
/// RFC 7636 7.2: an error is reported, and not retried without `S256`
/// RFC 9470 5
#[actix_web::test]
async fn each_error_of_the_provider_has_its_sentence() {
    const CANCELLED: (u16, &str) = (
        403,
        "Sign-in was cancelled, or your account may not use this application.",
    );
    const NEEDS_YOU: (u16, &str) = (
        403,
        "It could not sign you in without asking you something first.",
    );
    const OURS: (u16, &str) = (
        403,
        "It did not accept the way this application asked it to sign you in.",
    );
    const FACTOR: (u16, &str) = (
        403,
        "Your account has no sign-in method that is strong enough for this application.",
    );
    const THEIRS: (u16, &str) = (502, "Something went wrong on its side.");
    let app = TestApp::spawn();
    for (code, parameters, expected) in [
        // RFC 6749, 4.1.2.1.
        said("invalid_request", OURS),
        said("unauthorized_client", OURS),
        said("access_denied", CANCELLED),
        said("unsupported_response_type", OURS),
        said("invalid_scope", OURS),
        said("server_error", THEIRS),
        said("temporarily_unavailable", BUSY),
        // OpenID Connect Core 3.1.2.6.
        said("interaction_required", NEEDS_YOU),
        said("login_required", NEEDS_YOU),
        said("account_selection_required", NEEDS_YOU),
        said("consent_required", NEEDS_YOU),
        // OpenID Connect Core Unmet Authentication Requirements 1.0.
        said("unmet_authentication_requirements", FACTOR),
        said("invalid_request_uri", OURS),
        said("invalid_request_object", OURS),
        said("request_not_supported", OURS),
        said("request_uri_not_supported", OURS),
        said("registration_not_supported", OURS),
        // Nobody's.
        said("ACCESS_DENIED", OURS),
        said("<b>access_denied</b>", OURS),
        said("a\r\nERROR doorward: forged", OURS),
    ] {
        send_back(&app, parameters);
        let ada = app.visitor();
        let page = ada.sign_in("ada").await;
        let cause = format!("the provider responded with {code:?}: {HOSTILE:?}");
        assert_page(&page, expected, &cause);
        for theirs in [
            "<b ",
            "<b>",
            "<script",
            "&lt;",
            "alert",
            "forged",
            "evil.example",
        ] {
            assert!(!page.body.contains(theirs), "{code}: {theirs}");
        }
        let line = log::error_of(&page);
        assert!(!line.contains(['\r', '\n', '\u{1b}']), "{line:?}");
        assert!(
            ada.app_cookies().is_empty(),
            "{code}: the attempt is used up"
        );
        assert_nobody_is_signed_in(&app, &ada, code).await;
    }
    assert_eq!(app.provider.request_count(Endpoint::Token), 0);

    type Case = (
        &'static str,
        &'static [(&'static str, &'static str)],
        (u16, &'static str),
    );
    fn said(code: &'static str, expected: (u16, &'static str)) -> Case {
        let parameters = vec![
            ("error", code),
            ("error_description", HOSTILE),
            ("error_uri", "https://evil.example/why"),
        ];
        (code, parameters.leak(), expected)
    }
}

/// Core 3.1.2.6
#[actix_web::test]
async fn an_error_without_description_is_one_too() {
    let app = TestApp::spawn();
    send_back(&app, &[("error", "access_denied")]);
    let page = app.visitor().sign_in("ada").await;
    let expected = (
        403,
        "Sign-in was cancelled, or your account may not use this application.",
    );
    assert_page(
        &page,
        expected,
        "the provider responded with \"access_denied\": \"\"",
    );
}

/// RFC 6749 4.1.2.1 (b)
#[actix_web::test]
async fn an_error_beside_a_code_counts_and_the_code_is_not_used() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_redirect = Some(Box::new(|answer| answer.push("error", "server_error")));
    });
    let ada = app.visitor();
    let page = ada.sign_in("ada").await;
    let expected = (502, "Something went wrong on its side.");
    assert_page(
        &page,
        expected,
        "the provider responded with \"server_error\"",
    );
    assert_nobody_is_signed_in(&app, &ada, "error and code").await;
    assert_eq!(app.provider.request_count(Endpoint::Token), 0);
}

/// RFC 6749 4.1.2.1 (b)
#[actix_web::test]
async fn an_error_of_no_known_attempt_says_nothing_of_the_provider() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    ada.begin("/login").await;
    for (query, cause) in [
        (
            "error=access_denied",
            "no attempt to sign in: the response has no state",
        ),
        (
            "error=access_denied&state=",
            "no attempt to sign in: the response has no state",
        ),
        (
            "error=access_denied&error_description=%3Cb%3E%0Aforged&state=unheard-of",
            "no attempt to sign in: this browser has no attempt of that state",
        ),
    ] {
        let page = ada
            .get(&format!("/authorization-code/callback?{query}"))
            .await;
        if page.status == 303 {
            assert!(page.location().contains("/authorize?"), "starts again");
            continue;
        }
        assert_page(&page, NO_STATE, cause);
        assert!(!page.body.contains("forged") && !log::error_of(&page).contains("forged"));
        assert!(page.cookies().is_empty(), "{:?}", page.cookies());
    }
    assert_eq!(
        ada.app_cookies().len(),
        2,
        "this browser's attempt goes on, in addition to the new one"
    );
}

/// Anybody can write it, so that it must not fill the disk.
#[actix_web::test]
async fn a_long_error_is_cut_in_the_log() {
    let app = TestApp::spawn();
    // As long as a query may be.
    let long = &*"d".repeat(3500).leak();
    send_back(
        &app,
        vec![("error", long), ("error_description", long)].leak(),
    );
    let page = app.visitor().sign_in("ada").await;
    assert_eq!(page.status, 403);
    let line = log::error_of(&page);
    assert!(line.len() < 1000, "{} characters", line.len());
}
