//! How the provider knows this application: client ID, secret and redirect URIs.

use super::{complaints, complaints_with};
use crate::support::TestApp;
use crate::support::provider::{Canned, Endpoint};

#[actix_web::test]
async fn a_provider_that_denies_everybody_is_not_taken_for_sure() {
    let app = TestApp::spawn();
    app.provider.faults(|faults| {
        faults.edit_redirect = Some(Box::new(|answer| {
            answer.0.retain(|(name, _)| name != "error");
            answer.push("error", "access_denied");
        }));
    });
    let denied = "warning client the provider knows it and its redirect URI http://localhost:APP/authorization-code/callback, \
                  but responds with \"access_denied\". Fix: cancelled, or: assign the person to the application; give the \
                  authorization server an access policy with a rule for it; check network zones.";
    assert_eq!(complaints(&app), [denied]);
}

#[actix_web::test]
async fn a_client_that_the_provider_does_not_know() {
    let app = TestApp::spawn();
    let found = complaints_with(&app, &[("OIDC_CLIENT_ID", "another")]);
    assert_eq!(
        found,
        [
            "fault client the authorization endpoint shows an error page (status 400) that names client_id. Fix: at the \
         provider, compare the application's client id with OIDC_CLIENT_ID, and add exactly \
         http://localhost:APP/authorization-code/callback to its sign-in redirect URIs.",
            WRONG_SECRET,
            "can't tell end_session no clear response from http://127.0.0.1:PROVIDER/end_session about our post-logout redirect URI \
         http://localhost:APP: it rejects a made-up address too, and does not say that the address is the reason.",
        ]
    );
}

const WRONG_SECRET: &str = "fault client_secret the token endpoint rejects the client: invalid_client. Fix: copy the application's \
                            client secret into OIDC_CLIENT_SECRET again, and check its client authentication.";

#[actix_web::test]
async fn a_client_secret_that_is_wrong() {
    let app = TestApp::spawn();
    assert_eq!(
        complaints_with(&app, &[("OIDC_CLIENT_SECRET", "hunter2")]),
        [WRONG_SECRET]
    );
    app.provider.faults(|faults| {
        faults
            .canned
            .insert(Endpoint::Token, Canned::html(500, "hunter2"));
    });
    assert_eq!(
        complaints(&app),
        ["can't tell client_secret token: the provider responded with status 500."]
    );
}

#[actix_web::test]
async fn a_redirect_uri_that_is_not_registered() {
    let app = TestApp::spawn();
    let found = complaints_with(&app, &[("PUBLIC_URL", "https://app.example.com")]);
    assert_eq!(
        found,
        [
            "fault client the authorization endpoint shows an error page (status 400) that names redirect_uri. Fix: at the \
         provider, compare the application's client id with OIDC_CLIENT_ID, and add exactly \
         https://app.example.com/authorization-code/callback to its sign-in redirect URIs.",
            "fault end_session http://127.0.0.1:PROVIDER/end_session rejects our post-logout redirect URI \
         https://app.example.com: sign-out ends there on an error page. Fix: at the provider, add exactly \
         https://app.example.com to the application's post-logout redirect URIs.",
        ]
    );
}

#[actix_web::test]
async fn an_authorization_endpoint_of_which_nothing_can_be_told() {
    let app = TestApp::spawn();
    let mut elsewhere = Canned::html(302, "");
    elsewhere
        .headers
        .push(("Location".to_owned(), "/login?client_id=x".to_owned()));
    for (canned, why) in [
        (
            elsewhere,
            "it redirects elsewhere, although prompt=none forbids that",
        ),
        (
            Canned::html(200, "Sign in here"),
            "it shows a page, although prompt=none forbids that",
        ),
        (
            Canned::html(403, "client_id"),
            "it responds with status 403",
        ),
        (Canned::html(429, ""), "it responds with status 429"),
        (Canned::html(500, ""), "it responds with status 500"),
    ] {
        app.provider.faults(|faults| {
            faults.canned.insert(Endpoint::Authorize, canned);
        });
        let expected =
            format!("can't tell client no clear response from the authorization endpoint: {why}.");
        assert_eq!(complaints(&app), [expected]);
    }
}
