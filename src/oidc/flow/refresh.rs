//! Asking the provider again with a refresh token (RFC 6749, 6; OpenID Connect Core 12), and giving the token back (RFC 7009).

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::observe::metrics::Endpoint;
use crate::oidc::client_auth::ClientAuthentication;
use crate::oidc::error::Error;
use crate::oidc::flow::token::{judge_by, read, without};
use crate::oidc::http::client::Http;
use crate::oidc::http::request::Request;
use crate::oidc::provider::metadata::Metadata;

/// What the provider answered. No `Debug`, since tokens are secret.
pub struct Refreshed {
    /// The access token, which nobody uses.
    pub access_token: SecretString,
    /// Not verified yet. Core 12.2 lets it be missing.
    pub id_token: Option<SecretString>,
    /// Replaces the one that was sent, if it is there.
    pub refresh_token: Option<SecretString>,
}

/// Exchanges the refresh token.
pub async fn refresh(
    http: &Http,
    metadata: &Metadata,
    authentication: &ClientAuthentication,
    refresh_token: &SecretString,
) -> Result<Refreshed, Error> {
    let request = Request::post(metadata.token_endpoint.clone())
        .field("grant_type", "refresh_token")
        .field("refresh_token", refresh_token.clone());
    let make = || authentication.apply(request.clone());
    let response = http.send(Endpoint::Token, make).await;
    let response = response.map_err(Error::fetching(Endpoint::Token))?;
    judge_by(&response, parse).map_err(|error| {
        let [secret, credentials] = authentication.secrets();
        let sent = [refresh_token, &secret, &credentials].map(ExposeSecret::expose_secret);
        without(error, &sent)
    })
}

/// RFC 6749, 5.1 and OpenID Connect Core 12.2.
fn parse(body: &[u8]) -> Result<Refreshed, Error> {
    let mut document = read(body)?;
    let access_token = document.take_secret("access_token");
    Ok(Refreshed {
        access_token: access_token.map_err(Error::TokenResponse)?,
        id_token: match document.has("id_token") {
            true => Some(
                document
                    .take_secret("id_token")
                    .map_err(Error::TokenResponse)?,
            ),
            false => None,
        },
        refresh_token: document.take_optional_secret("refresh_token"),
    })
}

/// Revokes the refresh token (RFC 7009, 2.1). Success says nothing of whether the provider knew it.
pub async fn revoke(
    http: &Http,
    endpoint: &Url,
    authentication: &ClientAuthentication,
    refresh_token: &SecretString,
) -> Result<(), Error> {
    let request = Request::post(endpoint.clone())
        .field("token", refresh_token.clone())
        .field("token_type_hint", "refresh_token");
    let make = || authentication.apply(request.clone());
    let response = http.send(Endpoint::Revocation, make).await;
    let response = response.and_then(|response| response.ok());
    response
        .map(drop)
        .map_err(Error::fetching(Endpoint::Revocation))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Core 12.2: there may be none
    /// RFC 6749 6
    #[test]
    fn a_refresh_brings_what_it_brings() {
        let parsed = |more: &str| {
            let body = format!(r#"{{"access_token":"a","token_type":"Bearer"{more}}}"#);
            parse(body.as_bytes()).ok().map(|refreshed| {
                let found = [refreshed.id_token, refreshed.refresh_token];
                found.map(|it| it.map(|it| it.expose_secret().to_owned()))
            })
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(parsed(""), Some([None, None]));
        let both = r#","id_token":"i","refresh_token":"r""#;
        assert_eq!(parsed(both), Some([text("i"), text("r")]));
        assert_eq!(parsed(r#","refresh_token":"""#), Some([None, None]));
        assert_eq!(parsed(r#","refresh_token":5"#), Some([None, None]));
        assert_eq!(parsed(r#","id_token":5"#), None);
    }
}
