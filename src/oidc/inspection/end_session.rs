//! Whether our post-logout redirect URI is registered, by what the end session endpoint makes of it and of a made-up one
//! (RP-Initiated Logout 1.0, 3: one that is not registered is refused). Nobody is signed in, so nobody is signed out.

use url::Url;

use super::super::answer::{Answer, FetchError};
use super::super::fetch::Http;
use super::super::{Registration, discovery::Metadata, logout};

/// What the end session endpoint makes of our post-logout redirect URI.
#[derive(Debug, PartialEq)]
pub enum EndSession {
    /// There is no such endpoint.
    None,
    /// It takes ours, and refuses a made-up one.
    Registered,
    /// It refuses ours, and takes a request without any.
    NotRegistered,
    /// Why nothing follows from its answers.
    CannotTell(String),
}

/// An address that nobody has registered: the name is one that never resolves (RFC 2606, 2).
const MADE_UP: &str = "https://doorward-check.invalid/signed-out";

/// Asks with our address, and with a made-up one; where both are refused, with none.
pub async fn end_session(
    http: &Http,
    metadata: &Metadata,
    registration: &Registration,
) -> EndSession {
    let state = crate::random::secret();
    let Some(request) = logout::end_session_request(metadata, registration, None, &state) else {
        return EndSession::None;
    };
    let ours = request.url();
    let [made_up, none] = [Some(MADE_UP), None].map(|uri| with_uri(&ours, uri));
    let (ours, made_up) = tokio::join!(http.get(&ours, None), http.get(&made_up, None));
    match (opinion(ours), opinion(made_up)) {
        (Err(why), _) | (_, Err(why)) => EndSession::CannotTell(why),
        (Ok(Opinion::Taken), Ok(Opinion::Refused)) => EndSession::Registered,
        (Ok(Opinion::Taken), Ok(Opinion::Taken)) => {
            EndSession::CannotTell("it takes a made-up address too".to_owned())
        }
        (Ok(Opinion::Refused), Ok(Opinion::Taken)) => EndSession::NotRegistered,
        (Ok(Opinion::Refused), Ok(Opinion::Refused)) => {
            match opinion(http.get(&none, None).await) {
                Ok(Opinion::Taken) => EndSession::NotRegistered,
                Ok(Opinion::Refused) => EndSession::CannotTell(
                    "it refuses every request of somebody who is not signed in".to_owned(),
                ),
                Err(why) => EndSession::CannotTell(why),
            }
        }
    }
}

/// The request with another post-logout redirect URI, or with none: then it needs no state.
fn with_uri(request: &Url, uri: Option<&str>) -> Url {
    let mut changed = request.clone();
    let kept = request.query_pairs().filter(|(name, _)| match &**name {
        "post_logout_redirect_uri" => false,
        "state" => uri.is_some(),
        _ => true,
    });
    changed.query_pairs_mut().clear().extend_pairs(kept);
    if let Some(uri) = uri {
        let mut query = changed.query_pairs_mut();
        query.append_pair("post_logout_redirect_uri", uri);
    }
    changed
}

#[derive(Clone, Copy)]
enum Opinion {
    Taken,
    Refused,
}

/// A page or a redirect goes on; a bad request does not.
fn opinion(answer: Result<Answer, FetchError>) -> Result<Opinion, String> {
    let status = answer.map_err(|cause| cause.to_string())?.status;
    match status {
        200 | 301..=303 | 307 | 308 => Ok(Opinion::Taken),
        400 | 401 | 403 | 422 => Ok(Opinion::Refused),
        status => Err(format!("it answers with status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_changes() {
        let ours = "https://op.example/logout?tenant=a&client_id=id&post_logout_redirect_uri=https%3A%2F%2Fapp&state=s";
        let ours = Url::parse(ours).unwrap();
        assert_eq!(
            with_uri(&ours, Some("https://b")).query(),
            Some("tenant=a&client_id=id&state=s&post_logout_redirect_uri=https%3A%2F%2Fb")
        );
        assert_eq!(with_uri(&ours, None).query(), Some("tenant=a&client_id=id"));
    }
}
