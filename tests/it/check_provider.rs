//! `doorward check` about what will make a sign-in, or a sign-out, fail: the client secret, the post-logout address, the
//! published keys, and what the provider demands.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::check::{complaints, complaints_with};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint, Keep};
use crate::support::provider_faults::answer_with;

fn edit_keys(app: &TestApp, edit: impl Fn(&mut Vec<Value>) + Send + Sync + 'static) {
    let edit = move |keys: &mut Value| edit(keys["keys"].as_array_mut().unwrap());
    app.provider
        .faults(|faults| faults.edit_keys = Some(Box::new(edit)));
}

/// RFC 6749, 5.2: 401 is about the client. Keycloak says `unauthorized_client`.
#[actix_web::test]
async fn any_401_of_the_token_endpoint_is_a_wrong_secret() {
    let app = TestApp::spawn();
    let json = |code| {
        Canned::json(
            401,
            &json!({ "error": code, "error_description": "hunter2" }),
        )
    };
    for (canned, why) in [
        (json("unauthorized_client"), "unauthorized_client"),
        (json("invalid_client"), "invalid_client"),
        (json("invalid_request"), "invalid_request"),
        (Canned::html(401, "hunter2"), "status 401"),
    ] {
        answer_with(&app, Endpoint::Token, canned);
        let expected = format!(
            "fault client_secret the token endpoint rejects the client: {why}. Fix: copy the application's client secret into \
             OIDC_CLIENT_SECRET again, and check its client authentication."
        );
        assert_eq!(complaints(&app), [expected]);
    }
    // About the code, and about something else.
    let refusal = json!({"error": "invalid_grant"});
    answer_with(&app, Endpoint::Token, Canned::json(401, &refusal));
    assert_eq!(complaints(&app), [""; 0]);
    let refusal = json!({"error": "unauthorized_client"});
    answer_with(&app, Endpoint::Token, Canned::json(400, &refusal));
    let found = complaints(&app);
    assert!(
        found[0].starts_with("can't tell client_secret "),
        "{found:?}"
    );
}

#[actix_web::test]
async fn a_token_endpoint_that_is_not_there_is_a_fault() {
    let app = TestApp::spawn();
    for status in [404, 405, 307] {
        answer_with(&app, Endpoint::Token, Canned::html(status, "<h1>No</h1>"));
        let expected = format!(
            "fault client_secret the token endpoint responds with status {status}, as if it did not exist. Fix: ask the \
             provider's operator whether the discovery document's token_endpoint is right."
        );
        assert_eq!(complaints(&app), [expected]);
    }
    for status in [429, 503] {
        answer_with(&app, Endpoint::Token, Canned::html(status, "<h1>No</h1>"));
        let found = complaints(&app);
        assert!(
            found[0].starts_with("can't tell client_secret "),
            "{found:?}"
        );
    }
}

/// The provider gets our address and a made-up one, both without a session.
#[actix_web::test]
async fn a_post_logout_address_that_is_not_registered_is_a_fault() {
    let app = TestApp::spawn();
    assert_eq!(complaints(&app), [""; 0]);
    let asked = app.provider.requests(Endpoint::EndSession);
    let uris: Vec<_> = asked
        .iter()
        .map(|request| request.query.get("post_logout_redirect_uri").unwrap())
        .collect();
    assert_eq!(uris.len(), 2, "{uris:?}");
    assert!(uris.contains(&app.url.as_str()), "{uris:?}");
    assert!(
        uris.contains(&"https://doorward-check.invalid/signed-out"),
        "{uris:?}"
    );
    assert!(asked.iter().all(|request| request.session.is_none()));

    let with_slash = format!("{}/x", app.url);
    let callback = format!("{with_slash}/authorization-code/callback");
    app.provider
        .register(&callback, "https://elsewhere.example");
    let found = complaints_with(&app, &[("PUBLIC_URL", &with_slash)]);
    assert_eq!(
        found,
        [
            "fault end_session http://127.0.0.1:PROVIDER/end_session rejects our post-logout redirect URI \
             http://localhost:APP/x: sign-out ends there on an error page. Fix: at the provider, add exactly \
             http://localhost:APP/x to the application's post-logout redirect URIs."
        ]
    );
}

/// Keycloak's page.
#[actix_web::test]
async fn an_end_session_page_about_the_address_is_a_fault() {
    let app = TestApp::spawn();
    let page = Canned::html(400, "<p>Invalid redirect uri</p>");
    answer_with(&app, Endpoint::EndSession, page);
    let found = complaints(&app);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("fault end_session "), "{found:?}");
}

#[actix_web::test]
async fn an_end_session_endpoint_of_which_nothing_can_be_told() {
    let app = TestApp::spawn();
    for (canned, why) in [
        // Entra shows the same page for every request; Spring's server requires an ID token.
        (
            Canned::html(200, "signed out"),
            "it accepts a made-up address too",
        ),
        (
            Canned::html(
                400,
                "[invalid_request] Logout Request Parameter: id_token_hint",
            ),
            "it rejects a made-up address too, and does not say that the address is the reason",
        ),
        // Authentik requires an ID token with an address, and does not say so.
        (
            Canned::html(400, "The request is otherwise malformed"),
            "it rejects a made-up address too, and does not say that the address is the reason",
        ),
        (Canned::html(500, "no"), "it responds with status 500"),
        (Canned::html(429, "no"), "it responds with status 429"),
    ] {
        answer_with(&app, Endpoint::EndSession, canned);
        let expected = format!(
            "can't tell end_session no clear response from http://127.0.0.1:PROVIDER/end_session about our post-logout redirect \
             URI http://localhost:APP: {why}."
        );
        assert_eq!(complaints(&app), [expected]);
    }
}

#[actix_web::test]
async fn what_the_provider_demands_of_every_sign_in_is_told() {
    let app = TestApp::spawn();
    for (name, value, is_fault) in [
        ("require_pushed_authorization_requests", json!(true), true),
        ("require_signed_request_object", json!(true), true),
        ("require_pushed_authorization_requests", json!(false), false),
        (
            "require_pushed_authorization_requests",
            json!("true"),
            false,
        ),
    ] {
        app.provider.faults(|faults| {
            faults.edit_discovery = Some(Box::new(move |document| document[name] = value.clone()));
        });
        let expected = format!(
            "fault discovery the document says {name}: true, which Doorward does not support, so every sign-in is \
             rejected. Fix: at the provider, let this application sign people in without it."
        );
        let expected: Vec<_> = is_fault.then_some(expected).into_iter().collect();
        assert_eq!(complaints(&app), expected);
    }
}

#[actix_web::test]
async fn keys_without_kid_are_told() {
    let app = TestApp::spawn();
    let nameless = |keys: &mut Vec<Value>| {
        for key in keys {
            key.as_object_mut().unwrap().remove("kid");
        }
    };
    edit_keys(&app, nameless);
    assert_eq!(
        complaints(&app),
        [
            "warning keys 4 can be used, for RS256 PS256 ES256 EdDSA; 4 without kid: a token that names its key is not \
             verified with these. Fix: let the provider publish the kid of each key."
        ]
    );
    app.provider.rotate_keys(Keep::Yes);
    assert_eq!(
        complaints(&app),
        [
            "fault keys several are for RS256 PS256 and none of them has a kid, so a token's key can't be \
             determined. Fix: let the provider publish the kid of each key."
        ]
    );
}

/// RFC 7518, 6.3.1.1. Libraries refuse such a key, and the signature looks wrong.
#[actix_web::test]
async fn an_rsa_modulus_with_a_leading_zero_is_told_and_named_in_the_log() {
    let with_zero = |keys: &mut Vec<Value>| {
        for key in keys.iter_mut().filter(|key| key["kty"] == "RSA") {
            let n = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
            key["n"] = json!(URL_SAFE_NO_PAD.encode([&[0], &n[..]].concat()));
        }
    };
    let app = TestApp::spawn();
    edit_keys(&app, with_zero);
    let why = "its n begins with a zero byte, which RFC 7518 (6.3.1.1) forbids";
    let faulty = format!(
        "; tokens signed with these keys are rejected: \"rsa-1\": {why}; \"rsa-1-pss\": {why}."
    );
    let fix = "Fix: ask the provider's operator to publish these keys as RFC 7518 says.";
    assert_eq!(
        complaints(&app),
        [format!(
            "warning keys 2 can be used, for ES256 EdDSA{faulty} {fix}"
        )]
    );
    edit_keys(&app, move |keys| {
        keys.retain(|key| key["kty"] == "RSA");
        with_zero(keys);
    });
    assert_eq!(
        complaints(&app),
        [format!(
            "fault keys none of the 0 usable keys is for an algorithm that the provider says it signs with{faulty} {fix}"
        )]
    );
    let page = app.visitor().sign_in("ada").await;
    let lines = crate::support::log::errors_of(&page);
    let cause = format!("the key with the kid \"rsa-1\" is published, but can't be used: {why}");
    assert!(lines.len() == 1 && lines[0].contains(&cause), "{lines:?}");
}
