//! How Doorward proves itself to the token endpoint.

use serde_json::json;

use super::discovery_says;
use crate::support::provider::Endpoint;
use crate::support::{Database, TestApp, log};

/// Core 3.1.3.1 (a): Authenticate at the token endpoint with the registered method (MUST)
/// Core 9 (b): `client_secret_post` puts id and secret into the form (MUST)
/// RFC 6749 2.3.1 (c): The secret in the form only where Basic can't be used (NOT RECOMMENDED)
/// RFC 6749 2.3: One way of authentication in a request (MUST NOT more)
/// RFC 9700 2.5 (a): Client authentication (SHOULD, where possible)
#[actix_web::test]
async fn the_client_proves_itself_the_way_the_provider_offers() {
    for (offered, setting, in_the_form) in [
        (
            json!(["client_secret_basic", "client_secret_post"]),
            "",
            false,
        ),
        (json!(["client_secret_post"]), "", true),
        (json!(["client_secret_basic"]), "client_secret_post", true),
        (json!(["private_key_jwt"]), "client_secret_basic", false),
    ] {
        let app = TestApp::spawn_with(Database::Sqlite, &[("OIDC_CLIENT_AUTH_METHOD", setting)]);
        discovery_says(
            &app.provider,
            "token_endpoint_auth_methods_supported",
            offered.clone(),
        );
        assert_eq!(
            app.visitor().sign_in("ada").await.location(),
            "/profile",
            "{offered}"
        );
        let request = app.provider.requests(Endpoint::Token).remove(0);
        assert_eq!(
            request.form.get("client_secret").is_some(),
            in_the_form,
            "{offered}"
        );
        assert_eq!(
            request.header("authorization").is_none(),
            in_the_form,
            "{offered}"
        );
    }
}

/// Core 9 (c): `client_secret_jwt`, `private_key_jwt`, `none` as their rules say
#[actix_web::test]
async fn a_provider_that_offers_no_way_we_know_is_named_in_the_log() {
    let app = TestApp::spawn();
    discovery_says(
        &app.provider,
        "token_endpoint_auth_methods_supported",
        json!(["private_key_jwt"]),
    );
    let answer = app.visitor().sign_in("ada").await;
    assert_eq!(answer.status, 502);
    let line = log::errors_of(&answer).remove(0);
    assert!(line.contains("OIDC_CLIENT_AUTH_METHOD"), "{line}");
}
