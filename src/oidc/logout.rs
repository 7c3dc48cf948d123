//! Sign-out at the provider (OpenID Connect RP-Initiated Logout 1.0, 2).

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Registration;
use super::discovery::Metadata;

/// Where to send the browser so that the provider ends its session too and sends it back, or
/// nothing where the provider has no such place.
pub fn end_session_request(
    metadata: &Metadata,
    registration: &Registration,
    id_token_hint: Option<&SecretString>,
    state: &str,
) -> Option<Url> {
    let mut url = metadata.end_session_endpoint.clone()?;
    let mut query = url.query_pairs_mut();
    if let Some(id_token) = id_token_hint {
        query.append_pair("id_token_hint", id_token.expose_secret());
    }
    query
        .append_pair("client_id", &registration.client_id)
        .append_pair(
            "post_logout_redirect_uri",
            &registration.post_logout_redirect_uri,
        )
        .append_pair("state", state);
    drop(query);
    Some(url)
}
