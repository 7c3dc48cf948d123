//! The token request and its response (RFC 6749, 4.1.3 and 5; OpenID Connect Core 3.1.3).

use secrecy::{ExposeSecret, SecretString};

use crate::observe::metrics::Endpoint;
use crate::oidc::Registration;
use crate::oidc::error::Error;
use crate::oidc::flow::refusal::Refusal;
use crate::oidc::http::client::{self, Http};
use crate::oidc::http::response::Answer;
use crate::oidc::http::timing::timed;
use crate::oidc::jose::json::Object;
use crate::oidc::provider::metadata::Metadata;

/// How we prove to the token endpoint who we are (RFC 6749, 2.3.1; OpenID Connect Core 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// `client_secret_basic`: in the `Authorization` header.
    Basic,
    /// `client_secret_post`: in the form.
    Post,
}

impl ClientAuth {
    /// Its name in the standard.
    pub fn name(self) -> &'static str {
        match self {
            ClientAuth::Basic => "client_secret_basic",
            ClientAuth::Post => "client_secret_post",
        }
    }
}

/// What the code was worth. No `Debug`: it holds tokens.
pub struct TokenResponse {
    /// For userinfo.
    pub access_token: SecretString,
    /// To be verified.
    pub id_token: SecretString,
}

/// Exchanges `code` for tokens, with the client secret of this moment.
pub async fn exchange(
    http: &Http,
    metadata: &Metadata,
    registration: &Registration,
    secret: &SecretString,
    code: &SecretString,
    code_verifier: &str,
) -> Result<TokenResponse, Error> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code.expose_secret()),
        ("redirect_uri", registration.redirect_uri.as_str()),
        ("code_verifier", code_verifier),
    ];
    let basic = match client_auth(registration.client_auth, metadata)? {
        ClientAuth::Basic => Some((registration.client_id.as_str(), secret)),
        ClientAuth::Post => {
            form.push(("client_id", &registration.client_id));
            form.push(("client_secret", secret.expose_secret()));
            None
        }
    };
    let asked = http.post_form(&metadata.token_endpoint, basic, &form);
    let answer = timed(Endpoint::Token, asked).await;
    // Its words are logged, and it may repeat what we sent.
    let (code, secret) = (code.expose_secret(), secret.expose_secret());
    let credentials = client::credentials(&registration.client_id, secret);
    let sent = [code, secret, code_verifier, &credentials];
    judge(&answer.map_err(Error::fetching("token"))?).map_err(|error| match error {
        Error::CodeRefused(refusal) => Error::CodeRefused(refusal.without(&sent)),
        Error::TokenRefused { status, refusal } => Error::TokenRefused {
            status,
            refusal: refusal.without(&sent),
        },
        error => error,
    })
}

/// What is configured, else what the provider offers, the better one first.
pub fn client_auth(
    configured: Option<ClientAuth>,
    metadata: &Metadata,
) -> Result<ClientAuth, Error> {
    let offers = |name: &str| {
        metadata
            .token_auth_methods
            .iter()
            .any(|offered| offered == name)
    };
    match configured {
        Some(configured) => Ok(configured),
        None if offers("client_secret_basic") => Ok(ClientAuth::Basic),
        None if offers("client_secret_post") => Ok(ClientAuth::Post),
        None => Err(Error::Discovery(
            "it offers neither client_secret_basic nor client_secret_post; if it takes one of them \
             all the same, say which in OIDC_CLIENT_AUTH_METHOD"
                .to_owned(),
        )),
    }
}

/// RFC 6749, 5.1 and 5.2.
fn judge(answer: &Answer) -> Result<TokenResponse, Error> {
    match answer.status {
        200 => parse(&answer.text().map_err(Error::TokenResponse)?),
        429 => Err(no_answer(answer)),
        400..=499 => Err(refusal(answer)),
        _ => Err(no_answer(answer)),
    }
}

fn parse(body: &[u8]) -> Result<TokenResponse, Error> {
    let names = ["token_type", "access_token", "id_token"];
    let mut response = Object::read(body, &names).map_err(Error::TokenResponse)?;
    match response.lenient("token_type", |value| Some(value.is_null())) {
        Some(true) | None => return Err(Error::TokenType("it has no token_type".to_owned())),
        Some(false) => (),
    }
    let token_type = response.text("token_type").map_err(Error::TokenResponse)?;
    if !token_type.eq_ignore_ascii_case("Bearer") {
        return Err(Error::TokenType("its token_type is not Bearer".to_owned()));
    }
    let mut secret = |name| response.take_secret(name).map_err(Error::TokenResponse);
    Ok(TokenResponse {
        access_token: secret("access_token")?,
        id_token: secret("id_token")?,
    })
}

/// RFC 6749, 5.2.
fn refusal(answer: &Answer) -> Error {
    match Refusal::of_body(&answer.text().unwrap_or_default()) {
        Some(refusal) if refusal.code == "invalid_grant" => Error::CodeRefused(refusal),
        Some(refusal) => Error::TokenRefused {
            status: answer.status,
            refusal,
        },
        None => no_answer(answer),
    }
}

fn no_answer(answer: &Answer) -> Error {
    Error::fetching("token")(answer.refusal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::tests::metadata;
    use serde_json::json;

    fn judged(status: u16, body: &str) -> Result<TokenResponse, Error> {
        judge(&Answer {
            status,
            max_age_secs: None,
            retry_after_secs: None,
            provider_time: None,
            location: None,
            is_jwt: false,
            charset: None,
            challenge: None,
            body: body.as_bytes().to_vec(),
        })
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
    fn we_prove_who_we_are_as_configured_or_else_as_the_provider_offers() {
        let offers =
            |names: &[&str]| metadata(json!({"token_endpoint_auth_methods_supported": names}));
        for (configured, offered, expected) in [
            (
                None,
                &["client_secret_post", "client_secret_basic"][..],
                ClientAuth::Basic,
            ),
            (None, &["client_secret_post"], ClientAuth::Post),
            (
                Some(ClientAuth::Post),
                &["client_secret_basic"],
                ClientAuth::Post,
            ),
            (Some(ClientAuth::Basic), &[], ClientAuth::Basic),
        ] {
            let chosen = client_auth(configured, &offers(offered)).unwrap();
            assert_eq!(chosen, expected, "{offered:?}");
        }
        let neither = client_auth(None, &offers(&["private_key_jwt"])).unwrap_err();
        assert!(
            neither
                .to_string()
                .ends_with("say which in OIDC_CLIENT_AUTH_METHOD")
        );
    }
}
