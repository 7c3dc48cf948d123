//! Which discovery documents are accepted, and what is read from them.

use super::*;
use serde_json::json;

fn document() -> Value {
    json!({
        "issuer": "https://op.example",
        "authorization_endpoint": "https://op.example/authorize",
        "token_endpoint": "https://op.example/token",
        "userinfo_endpoint": "https://op.example/userinfo",
        "jwks_uri": "https://op.example/keys",
    })
}

fn refusal(document: &Value) -> String {
    parse(document.to_string().as_bytes(), "https://op.example")
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

#[test]
fn without_a_list_the_provider_signs_rs256_and_has_no_end_session() {
    let metadata = parse(document().to_string().as_bytes(), "https://op.example").unwrap();
    assert_eq!(metadata.id_token_algs, ["RS256"]);
    assert_eq!(metadata.end_session_endpoint, None);
}

/// Discovery 3 (g): Without `token_endpoint_auth_methods_supported` it is `client_secret_basic`
#[test]
fn without_a_list_the_provider_takes_client_secret_basic() {
    let metadata = parse(document().to_string().as_bytes(), "https://op.example").unwrap();
    assert_eq!(metadata.token_auth_methods, ["client_secret_basic"]);
    assert!(!metadata.response_names_issuer);
}

/// Discovery 4.1: An issuer with a path keeps it (MUST)
#[test]
fn the_document_lies_below_the_issuers_path() {
    for (issuer, expected) in [
        (
            "https://a.example",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/oauth2/default",
            "https://a.example/oauth2/default/.well-known/openid-configuration",
        ),
        (
            "https://a.example/oauth2/default/",
            "https://a.example/oauth2/default/.well-known/openid-configuration",
        ),
    ] {
        assert_eq!(location(issuer).unwrap().as_str(), expected);
    }
}

/// Azure AD B2C has none.
#[test]
fn a_document_without_userinfo_endpoint_is_one() {
    let mut without = document();
    without.as_object_mut().unwrap().remove("userinfo_endpoint");
    let metadata = parse(without.to_string().as_bytes(), "https://op.example").unwrap();
    assert_eq!(metadata.userinfo_endpoint, None);
}

#[test]
fn what_is_needed_is_refused_by_name_when_it_is_missing_or_of_another_type() {
    for name in [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
    ] {
        let expected = match name {
            "issuer" => "a string",
            _ => "a URL",
        };
        let mut changed = document();
        for (odd, found) in [
            (json!(null), "null"),
            (json!(7), "a number"),
            (json!(["https://op.example"]), "an array"),
        ] {
            changed[name] = odd;
            let cause = format!("its {name} is {found}, expected {expected}");
            assert!(refusal(&changed).ends_with(&cause), "{}", refusal(&changed));
        }
        changed.as_object_mut().unwrap().remove(name);
        let cause = format!("the discovery document is refused: it has no {name}");
        assert_eq!(refusal(&changed), cause);
    }
    let mut relative = document();
    relative["jwks_uri"] = json!("/keys");
    assert!(refusal(&relative).ends_with("its jwks_uri is a string, expected a URL"));
}

#[test]
fn what_can_be_done_without_may_be_anything() {
    let plain = document().to_string();
    let plain = parse(plain.as_bytes(), "https://op.example").unwrap();
    for name in &MEMBERS[5..] {
        for odd in [json!(null), json!(7), json!({}), json!([7]), json!("")] {
            let mut changed = document();
            changed[*name] = odd;
            changed["userinfo_endpoint"] = json!({});
            let metadata = parse(changed.to_string().as_bytes(), "https://op.example");
            let metadata = metadata.unwrap();
            assert_eq!(metadata.jwks_uri, plain.jwks_uri, "{changed}");
            assert_eq!(metadata.end_session_endpoint, None, "{changed}");
            assert_eq!(metadata.userinfo_endpoint, None, "{changed}");
            assert!(!metadata.response_names_issuer, "{changed}");
        }
    }
    let mut lone = document();
    lone["token_endpoint_auth_methods_supported"] = json!("client_secret_post");
    let metadata = parse(lone.to_string().as_bytes(), "https://op.example").unwrap();
    assert_eq!(metadata.token_auth_methods, ["client_secret_post"]);
}

/// Discovery 4.3 (a)
#[test]
fn another_issuer_is_refused_with_both_names() {
    let mut other = document();
    other["issuer"] = json!("https://op.example/");
    let refusal = refusal(&other);
    assert!(refusal.contains("\"https://op.example\""), "{refusal}");
    assert!(refusal.contains("\"https://op.example/\""), "{refusal}");
}

/// Core 16.2, 16.17
/// Discovery 3 (a)
/// Logout 2.1 (b): `end_session_endpoint` is https (MUST)
/// RFC 6750 5.2, 5.3: Tokens go over TLS only (MUST)
/// RFC 7636 7.5: TLS (MUST)
#[test]
fn an_endpoint_in_the_clear_is_refused() {
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "end_session_endpoint",
    ] {
        let mut plain = document();
        plain[name] = json!("http://op.example/x");
        assert!(refusal(&plain).contains("neither https"), "{name}");
        for local in [
            "http://127.0.0.1:8080/x",
            "http://localhost/x",
            "http://[::1]/x",
        ] {
            plain[name] = json!(local);
            let fault = format!("{local} is plain http, and the issuer is not");
            assert!(refusal(&plain).contains(&fault), "{name}");
        }
    }
}

/// Discovery 3 (a)
#[test]
fn a_local_issuer_may_have_local_endpoints() {
    let mut document = document();
    document["issuer"] = json!("http://localhost:9000");
    document["token_endpoint"] = json!("http://127.0.0.1:9000/token");
    assert!(parse(document.to_string().as_bytes(), "http://localhost:9000").is_ok());
}

#[test]
fn what_is_not_a_document_is_refused() {
    for body in ["", "[]", "null", "<html>", "{}"] {
        assert!(
            parse(body.as_bytes(), "https://op.example").is_err(),
            "{body}"
        );
    }
}

/// Discovery 3 (a)
/// RFC 9700 2.6 (b): End-to-end TLS (RECOMMENDED); nothing on plain http except loopback (MUST NOT)
#[test]
fn plain_http_is_confidential_on_loopback_only() {
    for (url, expected) in [
        ("https://a.example", true),
        ("http://localhost:1", true),
        ("http://127.0.0.2", true),
        ("http://[::1]:1", true),
        ("http://localhost.evil.example", false),
        ("http://10.0.0.1", false),
        ("ftp://localhost", false),
    ] {
        assert_eq!(
            is_confidential(&Url::parse(url).unwrap()),
            expected,
            "{url}"
        );
    }
}
