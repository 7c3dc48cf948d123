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

#[cfg(test)]
mod tests {
    use super::super::tests::{metadata, registration};
    use super::*;
    use serde_json::json;

    #[test]
    fn the_browser_is_sent_to_where_the_provider_signs_out_if_it_has_such_a_place() {
        let place = metadata(json!({"end_session_endpoint": "https://op.example/logout"}));
        let hint = SecretString::from("i");
        let url = end_session_request(&place, &registration(), Some(&hint), "s");
        assert_eq!(
            url.unwrap().as_str(),
            "https://op.example/logout?id_token_hint=i&client_id=id&\
             post_logout_redirect_uri=https%3A%2F%2Fapp.example&state=s"
        );
        let url = end_session_request(&place, &registration(), None, "s");
        assert!(!url.unwrap().as_str().contains("id_token_hint"));
        let nowhere = end_session_request(&metadata(json!({})), &registration(), None, "s");
        assert_eq!(nowhere, None);
    }
}
