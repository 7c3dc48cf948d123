//! Whether our post-logout redirect URI is registered, by what the end session endpoint makes of it and of a made-up one
//! (RP-Initiated Logout 1.0, 3: one that is not registered is refused). Nobody is signed in, so nobody is signed out.

use url::Url;

use crate::observe::metrics::Endpoint;
use crate::oidc::Registration;
use crate::oidc::flow::end_session;
use crate::oidc::http::client::Http;
use crate::oidc::http::request::Request;
use crate::oidc::http::response::{FetchError, Response};
use crate::oidc::provider::metadata::Metadata;

/// What the end session endpoint makes of our post-logout redirect URI.
#[derive(Debug, PartialEq)]
pub enum EndSession {
    /// There is no such endpoint.
    None,
    /// It takes ours, and refuses a made-up one.
    Registered,
    /// It refuses ours, and its page is about the address.
    NotRegistered,
    /// Why nothing follows from its answers.
    CannotTell(String),
}

/// An address that nobody has registered: the name is one that never resolves (RFC 2606, 2).
const MADE_UP: &str = "https://doorward-check.invalid/signed-out";

/// Asks with our address, and with a made-up one. An endpoint that refuses both may only want an ID token with an
/// address (Authentik), or with everything (Spring's server), so that its page must say that the address is what is
/// wrong.
pub async fn end_session(
    http: &Http,
    metadata: &Metadata,
    registration: &Registration,
) -> EndSession {
    let state = crate::random::secret();
    let Some(request) = end_session::end_session_request(metadata, registration, None, &state)
    else {
        return EndSession::None;
    };
    let ours = request.url();
    let made_up = with_uri(&ours, MADE_UP);
    let send = |url: Url| http.send(Endpoint::EndSession, move || Request::get(url.clone()));
    let (ours, made_up) = tokio::join!(send(ours), send(made_up));
    let cannot_tell = |why: &str| EndSession::CannotTell(why.to_owned());
    match (opinion(ours), opinion(made_up)) {
        (Err(why), _) | (_, Err(why)) => EndSession::CannotTell(why),
        (Ok(Opinion::Taken), Ok(Opinion::Refused { .. })) => EndSession::Registered,
        (Ok(Opinion::Taken), Ok(Opinion::Taken)) => cannot_tell("it takes a made-up address too"),
        (Ok(Opinion::Refused { .. }), Ok(Opinion::Taken))
        | (Ok(Opinion::Refused { for_address: true }), _) => EndSession::NotRegistered,
        (Ok(Opinion::Refused { for_address: false }), _) => cannot_tell(
            "it refuses it and a made-up address too, and does not say that the address is what is wrong",
        ),
    }
}

/// The request with another post-logout redirect URI.
fn with_uri(request: &Url, uri: &str) -> Url {
    let mut changed = request.clone();
    let pairs = request.query_pairs();
    let kept = pairs.filter(|(name, _)| name != "post_logout_redirect_uri");
    let mut query = changed.query_pairs_mut();
    query.clear().extend_pairs(kept);
    query.append_pair("post_logout_redirect_uri", uri);
    drop(query);
    changed
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Opinion {
    Taken,
    Refused {
        /// Whether its page is about the address, and not about an ID token that is missing.
        for_address: bool,
    },
}

/// A page or a redirect goes on; a bad request does not.
fn opinion(response: Result<Response, FetchError>) -> Result<Opinion, String> {
    let response = response.map_err(|cause| cause.to_string())?;
    match response.status {
        200 | 301..=303 | 307 | 308 => Ok(Opinion::Taken),
        400 | 401 | 403 | 422 => {
            let page = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
            let for_address = page.contains("redirect") && !page.contains("id_token_hint");
            Ok(Opinion::Refused { for_address })
        }
        status => Err(format!("it answers with status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_changes() {
        let ours = "https://op.example/logout?tenant=a&client_id=id&post_logout_redirect_uri=https%3A%2F%2Fapp&state=s";
        let changed = with_uri(&Url::parse(ours).unwrap(), "https://b");
        assert_eq!(
            changed.query(),
            Some("tenant=a&client_id=id&state=s&post_logout_redirect_uri=https%3A%2F%2Fb")
        );
    }

    #[test]
    fn a_refusal_is_for_the_address_if_its_page_says_so() {
        let refused = |for_address| Ok(Opinion::Refused { for_address });
        for (status, page, expected) in [
            (200, "Do you want to sign out?", Ok(Opinion::Taken)),
            (303, "", Ok(Opinion::Taken)),
            (400, "Invalid redirect uri", refused(true)),
            (400, "'post_logout_redirect_uri' is wrong", refused(true)),
            (400, "The request is otherwise malformed", refused(false)),
            (
                400,
                "post_logout_redirect_uri needs an id_token_hint",
                refused(false),
            ),
            (
                500,
                "redirect",
                Err("it answers with status 500".to_owned()),
            ),
        ] {
            let response = Response::read(status, |_| None, page.as_bytes().to_vec());
            assert_eq!(opinion(Ok(response)), expected, "{page}");
        }
    }
}
