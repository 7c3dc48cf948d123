//! The provider's metadata (OpenID Connect Discovery 1.0): one setting, the issuer, leads to all
//! the rest.

use serde_json::Value;
use url::{Host, Url};

use crate::observe::metrics::Endpoint;
use crate::oidc::error::Error;
use crate::oidc::http::client::Http;
use crate::oidc::http::response::Answer;
use crate::oidc::http::timing::timed;
use crate::oidc::jose::json::{self, Object};

/// What Doorward uses of the discovery document (OpenID Connect Discovery 1.0, 3).
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Where the browser is sent to sign in.
    pub authorization_endpoint: Url,
    /// Where the code is exchanged.
    pub token_endpoint: Url,
    /// Where the claims are read, if the provider has such a place: otherwise the ID token's are all.
    pub userinfo_endpoint: Option<Url>,
    /// Where the keys are published.
    pub jwks_uri: Url,
    /// Where the browser is sent to sign out, if the provider has such a place.
    pub end_session_endpoint: Option<Url>,
    /// With which algorithms ID tokens are signed; RS256 when the provider is silent.
    pub id_token_algs: Vec<String>,
    /// With which algorithms userinfo may be signed, if the provider says so: Core and Discovery name no default.
    pub userinfo_algs: Option<Vec<String>>,
    /// How the token endpoint lets clients prove who they are; `client_secret_basic` when the
    /// provider is silent.
    pub token_auth_methods: Vec<String>,
    /// Whether every authorization response names its issuer (RFC 9207, 3).
    pub response_names_issuer: bool,
}

/// The members that are read.
const MEMBERS: [&str; 10] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "end_session_endpoint",
    "id_token_signing_alg_values_supported",
    "userinfo_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "authorization_response_iss_parameter_supported",
];

/// Where the discovery document of `issuer` lies: appended, after a trailing slash is taken off
/// (OpenID Connect Discovery 1.0, 4.1).
pub fn location(issuer: &str) -> Result<Url, Error> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    Url::parse(&format!("{base}/.well-known/openid-configuration"))
        .map_err(|cause| Error::Discovery(format!("the issuer is not a URL: {cause}")))
}

/// Fetches and checks the metadata; with it, the seconds the provider lets it be cached.
pub async fn fetch(http: &Http, issuer: &str) -> Result<(Metadata, Option<u64>), Error> {
    let location = location(issuer)?;
    let answer = timed(Endpoint::Discovery, http.get(&location, None)).await;
    let answer = answer.and_then(Answer::ok);
    let answer = answer.map_err(Error::fetching("discovery"))?;
    let body = answer.text().map_err(Error::Discovery)?;
    Ok((parse(&body, issuer)?, answer.max_age_secs))
}

/// Judges a discovery document (OpenID Connect Discovery 1.0, 3 and 4.3). What a sign-in can do without counts as
/// absent when it is of another type than it should be.
pub fn parse(body: &[u8], expected_issuer: &str) -> Result<Metadata, Error> {
    let document = Object::read(body, &MEMBERS).map_err(Error::Discovery)?;
    let issuer = document.text("issuer").map_err(Error::Discovery)?;
    if issuer != expected_issuer {
        return Err(Error::Discovery(format!(
            "OIDC_ISSUER is {expected_issuer:?} but the document there says {issuer:?}; they must be \
             the same to the letter (Okta: the org server, a custom server and a custom domain \
             are different issuers)"
        )));
    }
    let is_here = Url::parse(&issuer).is_ok_and(|issuer| issuer.scheme() == "http");
    read(&document, is_here).map_err(Error::Discovery)
}

/// `is_here`: whether the issuer is on this machine and speaks plain http. Only then may its endpoints.
fn read(document: &Object, is_here: bool) -> Result<Metadata, String> {
    let confidential = |endpoint: Url| match is_confidential(&endpoint) {
        true if endpoint.scheme() == "https" || is_here => Ok(endpoint),
        true => Err(format!("{endpoint} is plain http, and the issuer is not")),
        false => Err(format!("{endpoint} is neither https nor on loopback")),
    };
    let needed = |name| confidential(document.required(name, "a URL", url)?);
    let dispensable = |name| document.lenient(name, url).map(confidential).transpose();
    let list = |name| document.lenient(name, json::texts);
    Ok(Metadata {
        authorization_endpoint: needed("authorization_endpoint")?,
        token_endpoint: needed("token_endpoint")?,
        userinfo_endpoint: dispensable("userinfo_endpoint")?,
        jwks_uri: needed("jwks_uri")?,
        end_session_endpoint: dispensable("end_session_endpoint")?,
        id_token_algs: list("id_token_signing_alg_values_supported")
            .unwrap_or_else(|| vec!["RS256".to_owned()]),
        userinfo_algs: list("userinfo_signing_alg_values_supported"),
        token_auth_methods: list("token_endpoint_auth_methods_supported")
            .unwrap_or_else(|| vec!["client_secret_basic".to_owned()]),
        // A wrong type is not `true`: with one provider this guards against nobody, and `iss` is compared where it
        // comes (RFC 9207, 2.4).
        response_names_issuer: document
            .lenient(
                "authorization_response_iss_parameter_supported",
                Value::as_bool,
            )
            .unwrap_or(false),
    })
}

fn url(value: &Value) -> Option<Url> {
    Url::parse(value.as_str()?).ok()
}

/// Whether what is sent to `url` stays secret: https, or plain http that leaves no machine.
pub fn is_confidential(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
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
    fn a_silent_provider_signs_rs256_and_has_no_end_session() {
        let metadata = parse(document().to_string().as_bytes(), "https://op.example").unwrap();
        assert_eq!(metadata.id_token_algs, ["RS256"]);
        assert_eq!(metadata.end_session_endpoint, None);
    }

    /// Discovery 3 (g): Without `token_endpoint_auth_methods_supported` it is `client_secret_basic`
    #[test]
    fn a_silent_provider_takes_client_secret_basic() {
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
            for here in [
                "http://127.0.0.1:8080/x",
                "http://localhost/x",
                "http://[::1]/x",
            ] {
                plain[name] = json!(here);
                let fault = format!("{here} is plain http, and the issuer is not");
                assert!(refusal(&plain).contains(&fault), "{name}");
            }
        }
    }

    /// Discovery 3 (a)
    #[test]
    fn an_issuer_on_this_machine_may_have_its_endpoints_here_too() {
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
}
