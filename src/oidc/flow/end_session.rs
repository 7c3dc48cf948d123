//! Sign-out at the provider (OpenID Connect RP-Initiated Logout 1.0, 2).

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::oidc::Registration;
use crate::oidc::provider::metadata::Metadata;

/// The browser's request that the provider end its session too and redirect back. By GET or by POST: providers must
/// accept both (section 2).
pub struct EndSessionRequest {
    /// The provider's `end_session_endpoint`.
    pub endpoint: Url,
    /// Names and values.
    parameters: Vec<(&'static str, SecretString)>,
}

impl EndSessionRequest {
    /// The URL of a GET.
    pub fn url(&self) -> Url {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut().extend_pairs(self.parameters());
        url
    }

    /// The fields of a form.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let parameters = self.parameters.iter();
        parameters.map(|(name, value)| (*name, value.expose_secret()))
    }
}

/// The request; `None` if the provider has no `end_session_endpoint`.
pub fn end_session_request(
    metadata: &Metadata,
    registration: &Registration,
    id_token_hint: Option<&SecretString>,
    state: &str,
) -> Option<EndSessionRequest> {
    let endpoint = metadata.end_session_endpoint.clone()?;
    let mut parameters = Vec::new();
    if let Some(id_token) = id_token_hint {
        parameters.push(("id_token_hint", id_token.clone()));
    }
    parameters.extend([
        ("client_id", registration.client_id.as_str().into()),
        (
            "post_logout_redirect_uri",
            registration.post_logout_redirect_uri.as_str().into(),
        ),
        ("state", state.into()),
    ]);
    Some(EndSessionRequest {
        endpoint,
        parameters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::tests::{metadata, registration};
    use serde_json::json;

    #[test]
    fn the_browser_is_sent_to_the_end_session_endpoint_if_there_is_one() {
        let provider = metadata(json!({"end_session_endpoint": "https://op.example/logout"}));
        let hint = SecretString::from("i");
        let request = end_session_request(&provider, &registration(), Some(&hint), "s").unwrap();
        assert_eq!(
            request.url().as_str(),
            "https://op.example/logout?id_token_hint=i&client_id=id&\
             post_logout_redirect_uri=https%3A%2F%2Fapp.example&state=s"
        );
        assert_eq!(request.endpoint.as_str(), "https://op.example/logout");
        let fields: Vec<_> = request.parameters().collect();
        assert_eq!(
            fields,
            [
                ("id_token_hint", "i"),
                ("client_id", "id"),
                ("post_logout_redirect_uri", "https://app.example"),
                ("state", "s"),
            ]
        );
        let request = end_session_request(&provider, &registration(), None, "s").unwrap();
        assert!(!request.url().as_str().contains("id_token_hint"));
        let nowhere = end_session_request(&metadata(json!({})), &registration(), None, "s");
        assert!(nowhere.is_none());
    }
}
