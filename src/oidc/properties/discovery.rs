//! A discovery document that is accepted is the issuer's, and names no endpoint without TLS.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use url::Url;

use super::{odd_value, spliced, with_odd_members};
use crate::oidc::example::ISSUER;
use crate::oidc::provider::metadata;

fn discovery_document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://op.example/authorize",
        "token_endpoint": "https://op.example/token",
        "userinfo_endpoint": "https://op.example/userinfo",
        "jwks_uri": "http://127.0.0.1:9000/keys",
        "end_session_endpoint": "http://localhost/logout",
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// What an accepted discovery document may lead to.
fn check_metadata(body: &[u8]) -> Result<(), TestCaseError> {
    let Ok(metadata) = metadata::parse(body, ISSUER) else {
        return Ok(());
    };
    #[derive(serde::Deserialize)]
    struct Document {
        issuer: String,
    }
    let document: Document = serde_json::from_slice(body).unwrap();
    prop_assert_eq!(&document.issuer, ISSUER);
    let endpoints = [
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
        &metadata.jwks_uri,
    ];
    let optional = [&metadata.userinfo_endpoint, &metadata.end_session_endpoint];
    for endpoint in endpoints.into_iter().chain(optional.into_iter().flatten()) {
        prop_assert!(is_https_or_loopback(endpoint), "{}", endpoint);
    }
    Ok(())
}

fn is_https_or_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_name = host == "localhost" || host.ends_with(".localhost");
    let is_address = host.starts_with("127.") && host.parse::<std::net::Ipv4Addr>().is_ok();
    match url.scheme() {
        "https" => !host.is_empty(),
        "http" => is_name || is_address || host == "[::1]",
        _ => false,
    }
}

/// Addresses of every kind, and whatever else may stand in their place.
fn odd_endpoint() -> impl Strategy<Value = Value> {
    let scheme = select(
        &[
            "https:",
            "http:",
            "HTTP:",
            "ftp:",
            "javascript:",
            "file:",
            "",
        ][..],
    );
    let slashes = select(&["//", "/", "", "\\\\", "///"][..]);
    let host = prop_oneof![
        select(
            &[
                "",
                "localhost",
                "LOCALHOST",
                "localhost.",
                "a.localhost",
                "localhost.a",
                "xlocalhost",
                "127.0.0.1",
                "127.1",
                "0177.1",
                "0x7f.1",
                "2130706433",
                "127.1.a",
                "0.0.0.0",
                "10.0.0.1",
                "[::1]",
                "[::]",
                "[::ffff:127.0.0.1]",
                "127。0。0。1",
                "ⓛocalhost",
                "a@localhost",
                "localhost@a",
                "localhost#@a",
                "localhost\\@a",
            ][..]
        )
        .prop_map(str::to_owned),
        "[a-z0-9.:%@-]{0,12}",
    ];
    let rest = select(&["", ":0", ":9000", ":99999", "/x", "?x", "#x", "/%00"][..]);
    let url = (scheme, slashes, host, rest);
    let url = url.prop_map(|(scheme, slashes, host, rest)| {
        Value::from(format!("{scheme}{slashes}{host}{rest}"))
    });
    prop_oneof![4 => url, 1 => odd_value()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_bytes_as_discovery_document(body in vec(any::<u8>(), 0..200), text in any::<String>()) {
        check_metadata(&body)?;
        check_metadata(text.as_bytes())?;
    }

    #[test]
    fn a_discovery_document_with_pieces_replaced(
        body in spliced(discovery_document().to_string().into_bytes()),
    ) {
        check_metadata(&body)?;
    }

    #[test]
    fn a_discovery_document_with_odd_members(
        document in with_odd_members(discovery_document(), odd_endpoint()),
    ) {
        check_metadata(document.to_string().as_bytes())?;
    }
}
