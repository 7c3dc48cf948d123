//! The provider's metadata (OpenID Connect Discovery 1.0), found by the one setting `OIDC_ISSUER`.

use serde_json::Value;
use url::{Host, Url};

use crate::observe::metrics::Endpoint;
use crate::oidc::error::Error;
use crate::oidc::http::client::Http;
use crate::oidc::http::request::Request;
use crate::oidc::http::response::Response;
use crate::oidc::jose::json::{self, Object};

/// What Doorward uses of the discovery document (OpenID Connect Discovery 1.0, 3).
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Where the browser is sent to sign in.
    pub authorization_endpoint: Url,
    /// Where the code is exchanged.
    pub token_endpoint: Url,
    /// Where userinfo is read, if the provider has it; otherwise only the ID token has claims.
    pub userinfo_endpoint: Option<Url>,
    /// Where the keys are published.
    pub jwks_uri: Url,
    /// Where the browser is sent to sign out, if the provider supports that.
    pub end_session_endpoint: Option<Url>,
    /// Where tokens are revoked (RFC 7009), if the provider supports that.
    pub revocation_endpoint: Option<Url>,
    /// The algorithms that ID tokens are signed with; RS256 if the provider does not say.
    pub id_token_algs: Vec<String>,
    /// The algorithms that userinfo may be signed with, if the provider says: Core and Discovery have no default.
    pub userinfo_algs: Option<Vec<String>>,
    /// How clients can authenticate at the token endpoint; `client_secret_basic` if the provider does not say.
    pub token_auth_methods: Vec<String>,
    /// Whether every authorization response names its issuer (RFC 9207, 3).
    pub response_names_issuer: bool,
}

/// The members that are read.
const MEMBERS: [&str; 11] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "end_session_endpoint",
    "revocation_endpoint",
    "id_token_signing_alg_values_supported",
    "userinfo_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "authorization_response_iss_parameter_supported",
];

/// The address of the discovery document of `issuer`: without its trailing slash, and with the well-known path
/// (OpenID Connect Discovery 1.0, 4.1).
pub fn location(issuer: &str) -> Result<Url, Error> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    Url::parse(&format!("{base}/.well-known/openid-configuration"))
        .map_err(|cause| Error::Discovery(format!("the issuer is not a URL: {cause}")))
}

/// Fetches and judges the metadata. Also returns for how many seconds the provider lets it be cached.
pub async fn fetch(http: &Http, issuer: &str) -> Result<(Metadata, Option<u64>), Error> {
    let location = location(issuer)?;
    let make = || Request::get(location.clone());
    let response = http.send(Endpoint::Discovery, make).await;
    let response = response.and_then(Response::ok);
    let response = response.map_err(Error::fetching(Endpoint::Discovery))?;
    let body = response.text().map_err(Error::Discovery)?;
    Ok((parse(&body, issuer)?, response.max_age_secs))
}

/// Judges a discovery document (OpenID Connect Discovery 1.0, 3 and 4.3). An optional member of the
/// wrong type counts as absent.
pub fn parse(body: &[u8], expected_issuer: &str) -> Result<Metadata, Error> {
    let document = Object::read(body, &MEMBERS).map_err(Error::Discovery)?;
    let issuer = document.text("issuer").map_err(Error::Discovery)?;
    if issuer != expected_issuer {
        return Err(Error::Discovery(format!(
            "OIDC_ISSUER is {expected_issuer:?} but the document there says {issuer:?}; they must be \
             identical (Okta: the org server, a custom server and a custom domain are different \
             issuers)"
        )));
    }
    let is_local = Url::parse(&issuer).is_ok_and(|issuer| issuer.scheme() == "http");
    read(&document, is_local).map_err(Error::Discovery)
}

/// `is_local`: whether the issuer is plain http on this machine. Only then may its endpoints be plain http.
fn read(document: &Object, is_local: bool) -> Result<Metadata, String> {
    let confidential = |endpoint: Url| match is_confidential(&endpoint) {
        true if endpoint.scheme() == "https" || is_local => Ok(endpoint),
        true => Err(format!("{endpoint} is plain http, and the issuer is not")),
        false => Err(format!("{endpoint} is neither https nor on loopback")),
    };
    let required = |name| confidential(document.required(name, "a URL", url)?);
    let optional = |name| document.lenient(name, url).map(confidential).transpose();
    let list = |name| document.lenient(name, json::texts);
    Ok(Metadata {
        authorization_endpoint: required("authorization_endpoint")?,
        token_endpoint: required("token_endpoint")?,
        userinfo_endpoint: optional("userinfo_endpoint")?,
        jwks_uri: required("jwks_uri")?,
        end_session_endpoint: optional("end_session_endpoint")?,
        // Nobody signs in with it: one that can't be used is none.
        revocation_endpoint: document
            .lenient("revocation_endpoint", url)
            .and_then(|endpoint| confidential(endpoint).ok()),
        id_token_algs: list("id_token_signing_alg_values_supported")
            .unwrap_or_else(|| vec!["RS256".to_owned()]),
        userinfo_algs: list("userinfo_signing_alg_values_supported"),
        token_auth_methods: list("token_endpoint_auth_methods_supported")
            .unwrap_or_else(|| vec!["client_secret_basic".to_owned()]),
        // A wrong type counts as `false`. With one provider nothing depends on it, and an `iss` in the response is
        // compared anyway (RFC 9207, 2.4).
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

/// Whether requests to `url` can't be read on the network: https, or plain http within this machine.
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
mod tests;
