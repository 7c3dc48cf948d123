//! The token request and its response (RFC 6749, 4.1.3 and 5; OpenID Connect Core 3.1.3).

use secrecy::{ExposeSecret, SecretString};

use crate::observe::metrics::Endpoint;
use crate::oidc::Registration;
use crate::oidc::client_auth::ClientAuthentication;
use crate::oidc::error::Error;
use crate::oidc::flow::refusal::Refusal;
use crate::oidc::http::client::Http;
use crate::oidc::http::request::Request;
use crate::oidc::http::response::Response;
use crate::oidc::jose::json::Object;
use crate::oidc::provider::metadata::Metadata;

/// The tokens that the code was exchanged for. No `Debug`, since they are secret.
pub struct TokenResponse {
    /// For userinfo.
    pub access_token: SecretString,
    /// Not verified yet.
    pub id_token: SecretString,
    /// For asking again later, if there is one.
    pub refresh_token: Option<SecretString>,
}

/// Exchanges `code` for tokens.
pub async fn exchange(
    http: &Http,
    metadata: &Metadata,
    registration: &Registration,
    authentication: &ClientAuthentication,
    code: &SecretString,
    code_verifier: &str,
) -> Result<TokenResponse, Error> {
    let request = request(metadata, registration, code, code_verifier);
    let make = || authentication.apply(request.clone());
    let response = http.send(Endpoint::Token, make).await;
    let response = response.map_err(Error::fetching(Endpoint::Token))?;
    judge(&response).map_err(|error| {
        let [secret, credentials] = authentication.secrets();
        let sent = [code, &secret, &credentials].map(ExposeSecret::expose_secret);
        without(error, &[&sent[..], &[code_verifier]].concat())
    })
}

/// RFC 6749, 4.1.3 and RFC 7636, 4.5.
fn request(
    metadata: &Metadata,
    registration: &Registration,
    code: &SecretString,
    code_verifier: &str,
) -> Request {
    Request::post(metadata.token_endpoint.clone())
        .field("grant_type", "authorization_code")
        .field("code", code.clone())
        .field("redirect_uri", registration.redirect_uri.as_str())
        .field("code_verifier", code_verifier)
}

/// The provider's error is logged, and may repeat what we sent.
pub(super) fn without(error: Error, sent: &[&str]) -> Error {
    match error {
        Error::CodeRefused(refusal) => Error::CodeRefused(refusal.without(sent)),
        Error::TokenRefused { status, refusal } => Error::TokenRefused {
            status,
            refusal: refusal.without(sent),
        },
        error => error,
    }
}

/// Judges the token response (RFC 6749, 5.1 and 5.2).
fn judge(response: &Response) -> Result<TokenResponse, Error> {
    judge_by(response, parse)
}

/// The same, where `parse` reads what is in a response of status 200.
pub(super) fn judge_by<T>(
    response: &Response,
    parse: impl FnOnce(&[u8]) -> Result<T, Error>,
) -> Result<T, Error> {
    match response.status {
        200 => parse(&response.text().map_err(Error::TokenResponse)?),
        429 => Err(no_response(response)),
        400..=499 => Err(refusal(response)),
        _ => Err(no_response(response)),
    }
}

/// RFC 6749, 5.1.
fn parse(body: &[u8]) -> Result<TokenResponse, Error> {
    let mut document = read(body)?;
    let mut secret = |name| document.take_secret(name).map_err(Error::TokenResponse);
    let (access_token, id_token) = (secret("access_token")?, secret("id_token")?);
    Ok(TokenResponse {
        access_token,
        id_token,
        refresh_token: document.take_optional_secret("refresh_token"),
    })
}

/// A token response whose type is right.
pub(super) fn read(body: &[u8]) -> Result<Object, Error> {
    let names = ["token_type", "access_token", "id_token", "refresh_token"];
    let document = Object::read(body, &names).map_err(Error::TokenResponse)?;
    match document.lenient("token_type", |value| Some(value.is_null())) {
        Some(true) | None => return Err(Error::TokenType("it has no token_type".to_owned())),
        Some(false) => (),
    }
    let token_type = document.text("token_type").map_err(Error::TokenResponse)?;
    if !token_type.eq_ignore_ascii_case("Bearer") {
        return Err(Error::TokenType("its token_type is not Bearer".to_owned()));
    }
    Ok(document)
}

/// RFC 6749, 5.2.
fn refusal(response: &Response) -> Error {
    match Refusal::of_body(&response.text().unwrap_or_default()) {
        Some(refusal) if refusal.code == "invalid_grant" => Error::CodeRefused(refusal),
        Some(refusal) => Error::TokenRefused {
            status: response.status,
            refusal,
        },
        None => no_response(response),
    }
}

fn no_response(response: &Response) -> Error {
    Error::fetching(Endpoint::Token)(response.refusal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::tests::{metadata, registration};
    use serde_json::json;

    fn judged(status: u16, body: &str) -> Result<TokenResponse, Error> {
        judge(&Response::read(status, |_| None, body.as_bytes().to_vec()))
    }

    /// Core 3.1.3.3 (b): Members that are not understood are ignored (SHOULD)
    /// RFC 6749 5.1
    #[test]
    fn bearer_comes_in_any_case() {
        for token_type in ["Bearer", "bearer", "BEARER"] {
            let body = format!(
                r#"{{"access_token":"a","id_token":"i","token_type":"{token_type}","x":1}}"#
            );
            assert!(judged(200, &body).is_ok(), "{token_type}");
        }
    }

    #[test]
    fn another_token_type_or_none_is_refused() {
        for body in [
            r#"{"access_token":"a","id_token":"i"}"#,
            r#"{"access_token":"a","id_token":"i","token_type":null}"#,
            r#"{"access_token":"a","id_token":"i","token_type":"DPoP"}"#,
        ] {
            assert!(
                matches!(judged(200, body), Err(Error::TokenType(_))),
                "{body}"
            );
        }
    }

    #[test]
    fn an_error_never_repeats_what_the_provider_sent() {
        let body = r#"{"access_token":{"secret":"hunter2"},"id_token":"i","token_type":"Bearer"}"#;
        let refusal = judged(200, body).err().unwrap().to_string();
        assert!(!refusal.contains("hunter2"), "{refusal}");
        let refusal = judged(400, r#"{"error":"hunter2 <script>"}"#)
            .err()
            .unwrap()
            .to_string();
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }

    /// RFC 6749 5.2
    #[test]
    fn refusals_of_the_code_and_of_us_are_told_apart() {
        let code = judged(400, r#"{"error":"invalid_grant"}"#);
        assert!(matches!(code, Err(Error::CodeRefused(_))));
        let us = judged(401, r#"{"error":"invalid_client"}"#);
        assert!(matches!(us, Err(Error::TokenRefused { .. })));
        assert!(matches!(judged(400, "<html>"), Err(Error::Fetch { .. })));
        assert!(matches!(judged(302, ""), Err(Error::Fetch { .. })));
    }

    #[test]
    fn a_provider_that_has_too_much_to_do_refuses_nobody() {
        let busy = judged(429, r#"{"error":"invalid_grant"}"#);
        assert!(matches!(busy, Err(Error::Fetch { .. })));
    }

    #[test]
    fn the_request_has_the_code_and_the_verifier_in_its_form() {
        let request = request(&metadata(json!({})), &registration(), &"c".into(), "v");
        assert_eq!(request.url().as_str(), "https://op.example/token");
        assert_eq!(
            request.body(),
            "grant_type=authorization_code&code=c&\
             redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&code_verifier=v"
        );
    }
}
