//! Secrets and tokens, neither logged nor in an address.

use super::query;
use crate::support::provider::Endpoint;
use crate::support::{Database, TestApp, log};

/// Codes, tokens, secrets and cookies are in no line of all that was logged so far.
///
/// Core 5.3.1: that request has the header, and the provider accepts only the scheme `Bearer`
/// Core 16.4, 16.8
/// RFC 6749 10.1 to 10.3
/// RFC 6750 2.1: it reads the header of that request
/// IPSIE 3.2.2 (h)
/// Suite basic, in all bearer
#[actix_web::test]
async fn nothing_secret_is_logged() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let secrets: Vec<String> = query(&callback)
        .split('&')
        .map(|pair| pair.split_once('=').unwrap().1.to_owned())
        .chain(ada.app_cookies().into_values())
        .collect();
    ada.get(&callback).await;
    let session = ada.app_cookies().remove("doorward").unwrap();
    let out = ada.post("/logout", "").await;
    let hint = url::Url::parse(out.location()).unwrap();
    let hint = hint
        .query_pairs()
        .find(|(name, _)| name == "id_token_hint")
        .unwrap()
        .1
        .into_owned();
    let token = app.provider.requests(Endpoint::Token).remove(0);
    let verifier = token.form.get("code_verifier").unwrap().to_owned();
    let bearer = app.provider.requests(Endpoint::Userinfo).remove(0);
    let access_token = bearer
        .header("authorization")
        .unwrap()
        .trim_start_matches("Bearer ")
        .to_owned();
    let secrets = secrets
        .into_iter()
        .chain([session, hint, verifier, access_token]);
    for secret in secrets.chain(["never-logged".to_owned()]) {
        assert!(secret.len() > 10);
        assert_eq!(log::lines_with(&secret), [""; 0]);
    }
}

/// RFC 6750, 2.3 and RFC 6749, 2.3.1: secrets and tokens go in headers and bodies, never in an address.
///
/// RFC 6749 2.3.1 (b): The secret is never in a URI (MUST NOT)
/// RFC 6750 2, 2.2, 2.3: The token is sent in one way in a request (MUST), not in the form or the query (SHOULD NOT)
/// RFC 9700 4.3.2: No access token in a URI (MUST NOT)
/// Suite basic, in all bearer
#[actix_web::test]
async fn no_secret_is_in_the_address_of_a_call() {
    for method in ["client_secret_basic", "client_secret_post"] {
        let app = TestApp::spawn_with(Database::Sqlite, &[("OIDC_CLIENT_AUTH_METHOD", method)]);
        app.visitor().sign_in("ada").await;
        let token = app.provider.requests(Endpoint::Token).remove(0);
        let userinfo = app.provider.requests(Endpoint::Userinfo).remove(0);
        assert_eq!((token.method.as_str(), token.query.0.len()), ("POST", 0));
        assert_eq!(
            (
                userinfo.method.as_str(),
                userinfo.query.0.len(),
                userinfo.form.0.len()
            ),
            ("GET", 0, 0)
        );
        assert!(
            userinfo
                .header("authorization")
                .unwrap()
                .starts_with("Bearer ")
        );
    }
}
