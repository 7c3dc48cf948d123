//! `iss` in the authorization response (RFC 9207).

use serde_json::json;

use super::discovery_says;
use crate::support::TestApp;
use crate::support::provider::Endpoint;

/// RFC 9207, 2.4: announced, it must come and match; unannounced, it must match.
///
/// RFC 9207 2.3: Discovery says whether `iss` will be sent
/// RFC 9207 2.4 (a)
/// RFC 9207 2.4 (b): no token request is sent
/// IPSIE 3.2.2 (k)
/// RFC 9207 2.4 (c): Announced and missing: refuse (MUST)
/// RFC 9207 2.4 (d)
/// RFC 9700 2.1 (d): With more than one server, defend against mix-up (MUST)
/// RFC 9700 4.4
#[actix_web::test]
async fn the_responses_issuer_is_checked() {
    for (announced, iss, status) in [
        (true, None, 403),
        (true, Some("https://evil.example"), 403),
        (false, Some("https://evil.example"), 403),
        (false, Some(""), 303),
        (false, None, 303),
    ] {
        let app = TestApp::spawn();
        discovery_says(
            &app.provider,
            "authorization_response_iss_parameter_supported",
            json!(announced),
        );
        let ada = app.visitor();
        let mut callback = ada.callback_for("ada").await;
        if let Some(iss) = iss {
            callback.push_str(&format!("&iss={iss}"));
        }
        let answer = ada.get(&callback).await;
        assert_eq!(answer.status, status, "{announced} {iss:?}");
        let asked = if status == 403 { 0 } else { 1 };
        assert_eq!(
            app.provider.request_count(Endpoint::Token),
            asked,
            "{announced} {iss:?}"
        );
    }
    let app = TestApp::spawn();
    app.provider.faults(|faults| faults.send_iss = true);
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
}

/// RFC 9207, 2.4: an error from another issuer is not our provider's error either.
///
/// RFC 9207 2.4 (e): The same for error responses (MUST)
/// RFC 9700 4.4
#[actix_web::test]
async fn an_error_response_of_another_issuer_is_not_believed() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let state = url::Url::parse(&callback).unwrap();
    let state = state
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let error = format!(
        "/authorization-code/callback?error=access_denied&state={state}&iss=https://evil.example"
    );
    let (status, sentence) = ada.get(&error).await.refusal();
    assert_eq!(status, 403);
    assert!(sentence.starts_with("What your sign-in provider sent did not pass our checks"));
}

/// RFC 9207 2.4 (d)
#[actix_web::test]
async fn an_unannounced_issuer_that_matches_is_accepted() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let issuer = app.provider.issuer();
    assert_eq!(
        ada.get(&format!("{callback}&iss={issuer}"))
            .await
            .location(),
        "/profile"
    );
}

/// RFC 9207, 2.4: simple string comparison (RFC 3986, 6.2.1).
///
/// RFC 9207 2.4 (a)
#[actix_web::test]
async fn the_issuer_of_a_response_is_compared_to_the_letter() {
    let app = TestApp::spawn();
    let issuer = app.provider.issuer();
    let encode = |text: &str| {
        text.replace('%', "%25")
            .replace(':', "%3A")
            .replace('/', "%2F")
    };
    for wrong in [
        format!("{issuer}/"),
        issuer.to_uppercase(),
        issuer.replace("127.0.0.1", "localhost"),
        encode(&encode(&issuer)),
    ] {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        assert_eq!(
            ada.get(&format!("{callback}&iss={wrong}")).await.status,
            403,
            "{wrong}"
        );
    }
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    assert_eq!(
        ada.get(&format!("{callback}&iss={}", encode(&issuer)))
            .await
            .status,
        303
    );
    discovery_says(
        &app.provider,
        "authorization_response_iss_parameter_supported",
        json!(true),
    );
    app.clock.shift(time::Duration::hours(2));
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    assert_eq!(
        ada.get(&format!("{callback}&iss=")).await.status,
        403,
        "empty is absent"
    );
}
