//! Whether our post-logout redirect URI is registered: sends it and a made-up one to the end session endpoint, which must
//! reject one that is not registered (RP-Initiated Logout 1.0, 3). The requests carry no session, so none ends.

use url::Url;

use crate::observe::metrics::Endpoint;
use crate::oidc::Registration;
use crate::oidc::flow::end_session;
use crate::oidc::http::client::Http;
use crate::oidc::http::request::Request;
use crate::oidc::http::response::{FetchError, Response};
use crate::oidc::provider::metadata::Metadata;

/// How the end session endpoint responds to our post-logout redirect URI.
#[derive(Debug, PartialEq)]
pub enum EndSession {
    /// There is no such endpoint.
    None,
    /// It accepts ours and rejects a made-up one.
    Registered,
    /// It rejects ours, and its page is about the address.
    NotRegistered,
    /// Its responses prove nothing, and why.
    CannotTell(String),
}

/// An address that can't be registered: its name never resolves (RFC 2606, 2).
const MADE_UP: &str = "https://doorward-check.invalid/signed-out";

/// Sends our address and a made-up one. An endpoint that rejects both may only require an ID token, with an address
/// (Authentik) or always (Spring's server). So its page must say that the address is the reason.
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
        (Ok(Opinion::Accepted), Ok(Opinion::Rejected { .. })) => EndSession::Registered,
        (Ok(Opinion::Accepted), Ok(Opinion::Accepted)) => {
            cannot_tell("it accepts a made-up address too")
        }
        (Ok(Opinion::Rejected { .. }), Ok(Opinion::Accepted))
        | (Ok(Opinion::Rejected { for_address: true }), _) => EndSession::NotRegistered,
        (Ok(Opinion::Rejected { for_address: false }), _) => cannot_tell(
            "it rejects a made-up address too, and does not say that the address is the reason",
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
    Accepted,
    Rejected {
        /// Whether its page is about the address, and not about a missing ID token.
        for_address: bool,
    },
}

/// A page or a redirect accepts the request, a client error rejects it.
fn opinion(response: Result<Response, FetchError>) -> Result<Opinion, String> {
    let response = response.map_err(|cause| cause.to_string())?;
    match response.status {
        200 | 301..=303 | 307 | 308 => Ok(Opinion::Accepted),
        400 | 401 | 403 | 422 => {
            let page = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
            let for_address = page.contains("redirect") && !page.contains("id_token_hint");
            Ok(Opinion::Rejected { for_address })
        }
        status => Err(format!("it responds with status {status}")),
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
        let refused = |for_address| Ok(Opinion::Rejected { for_address });
        for (status, page, expected) in [
            (200, "Do you want to sign out?", Ok(Opinion::Accepted)),
            (303, "", Ok(Opinion::Accepted)),
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
                Err("it responds with status 500".to_owned()),
            ),
        ] {
            let response = Response::read(status, |_| None, page.as_bytes().to_vec());
            assert_eq!(opinion(Ok(response)), expected, "{page}");
        }
    }
}
