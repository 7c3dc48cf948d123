//! Whether the provider knows our client: its id, redirect URI and secret.

use url::Url;

use crate::observe::metrics::Endpoint;
use crate::oidc::client_auth::{ClientAuthMethod, ClientAuthentication};
use crate::oidc::error::Error;
use crate::oidc::flow::attempt::Attempt;
use crate::oidc::flow::authorization_error::AuthorizationError;
use crate::oidc::flow::authorization_request::authorization_request;
use crate::oidc::flow::authorization_response::AuthorizationResponse;
use crate::oidc::flow::token;
use crate::oidc::http::client::Http;
use crate::oidc::http::request::Request;
use crate::oidc::http::response::Response;
use crate::oidc::provider::metadata::Metadata;
use crate::oidc::registration::Registration;

/// How the authorization endpoint responds to our client id and redirect URI.
#[derive(Debug, PartialEq)]
pub enum Acceptance {
    /// It redirects to the redirect URI, and only lacks a signed-in person.
    Accepted,
    /// It redirects to the redirect URI with another error.
    AcceptedBut(AuthorizationError),
    /// It shows an error page and does not redirect (RFC 6749, 4.1.2.1).
    Refused {
        /// Which of the two parameters its page names.
        page_names: Vec<&'static str>,
    },
    /// The response proves nothing, and why.
    CannotTell(String),
}

/// How Doorward will authenticate at the token endpoint.
pub fn client_auth(
    metadata: &Metadata,
    registration: &Registration,
) -> Result<ClientAuthMethod, Error> {
    ClientAuthMethod::choose(registration.client_auth, metadata)
}

/// Sends an authorization request without cookies that allows no page to be shown (`prompt=none`, OpenID Connect Core
/// 3.1.2.1).
pub async fn authorization(
    http: &Http,
    metadata: &Metadata,
    registration: &Registration,
) -> Acceptance {
    let attempt = Attempt::new();
    let request = authorization_request(metadata, registration, &attempt, None, None);
    // The response must be a redirect, whatever mode is configured. That is the default for a code.
    let mut url = request.clone();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(
            request
                .query_pairs()
                .filter(|(name, _)| name != "response_mode"),
        )
        .append_pair("prompt", "none");
    let make = || Request::get(url.clone());
    match http.send(Endpoint::Authorization, make).await {
        Ok(response) => judge(&response, &url, &registration.redirect_uri, &attempt.state),
        Err(cause) => Acceptance::CannotTell(cause.to_string()),
    }
}

fn judge(response: &Response, requested: &Url, redirect_uri: &Url, state: &str) -> Acceptance {
    let cannot_tell = |why: &str| Acceptance::CannotTell(why.to_owned());
    match (response.status, &response.location) {
        (301..=303 | 307 | 308, Some(location)) => match requested.join(location) {
            Ok(back) if is_at(&back, redirect_uri) => judge_response(&back, state),
            _ => cannot_tell("it redirects elsewhere, although prompt=none forbids that"),
        },
        (400, _) => {
            let page = String::from_utf8_lossy(&response.body);
            let names = ["client_id", "redirect_uri"];
            let page_names = names.into_iter().filter(|name| page.contains(name));
            Acceptance::Refused {
                page_names: page_names.collect(),
            }
        }
        (200, _) => cannot_tell("it shows a page, although prompt=none forbids that"),
        (status, _) => cannot_tell(&format!("it responds with status {status}")),
    }
}

/// Whether `url` is `redirect_uri`, apart from the query.
fn is_at(url: &Url, redirect_uri: &Url) -> bool {
    url.origin() == redirect_uri.origin() && url.path() == redirect_uri.path()
}

fn judge_response(back: &Url, state: &str) -> Acceptance {
    let response = AuthorizationResponse::parse(back.query().unwrap_or_default());
    let Ok(response) = response else {
        return Acceptance::CannotTell("it redirects back with a malformed response".to_owned());
    };
    if response.state.as_deref() != Some(state) {
        return Acceptance::CannotTell(
            "it redirects back without the state that we sent".to_owned(),
        );
    }
    match response.error {
        None if response.code.is_some() => Acceptance::Accepted,
        None => {
            Acceptance::CannotTell("it redirects back with neither a code nor an error".to_owned())
        }
        Some(error) if error.needs_the_person() => Acceptance::Accepted,
        Some(error) => Acceptance::AcceptedBut(error),
    }
}

/// Whether the token endpoint accepts our client id and secret. It gets a made-up code and must reject either the code
/// (`invalid_grant`; RFC 6749, 5.2) or the client (`invalid_client`).
pub async fn client_secret(
    http: &Http,
    metadata: &Metadata,
    registration: &Registration,
) -> Result<(), Error> {
    let code = crate::random::secret().into();
    let verifier = Attempt::new().code_verifier;
    let authentication = ClientAuthentication::new(
        client_auth(metadata, registration)?,
        &registration.client_id,
        registration.client_secret.clone(),
    );
    let exchanged = token::exchange(
        http,
        metadata,
        registration,
        &authentication,
        &code,
        &verifier,
    );
    match exchanged.await {
        Err(Error::CodeRefused(_)) => Ok(()),
        Err(cause) => Err(cause),
        Ok(_) => Err(Error::TokenResponse(
            "a made-up code was accepted".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
