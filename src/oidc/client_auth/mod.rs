//! How Doorward proves to the token endpoint which client it is (OpenID Connect Core 9): a file for each method. Each takes a
//! request and returns it authenticated, once for each time that it is sent.

mod basic;
mod post;

use secrecy::SecretString;

use crate::oidc::error::Error;
use crate::oidc::http::request::Request;
use crate::oidc::provider::metadata::Metadata;

/// The methods that Doorward knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthMethod {
    /// `client_secret_basic`: id and secret in the `Authorization` header.
    Basic,
    /// `client_secret_post`: id and secret in the form.
    Post,
}

impl ClientAuthMethod {
    /// Its name in the standard.
    pub fn name(self) -> &'static str {
        match self {
            ClientAuthMethod::Basic => "client_secret_basic",
            ClientAuthMethod::Post => "client_secret_post",
        }
    }

    /// The configured method, otherwise the best one that the provider offers.
    ///
    /// # Errors
    /// The provider offers none of them.
    pub fn choose(configured: Option<Self>, metadata: &Metadata) -> Result<Self, Error> {
        let is_offered = |method: &Self| {
            let mut offered = metadata.token_auth_methods.iter();
            offered.any(|offered| offered == method.name())
        };
        let by_preference = [ClientAuthMethod::Basic, ClientAuthMethod::Post];
        configured
            .or_else(|| by_preference.into_iter().find(is_offered))
            .ok_or_else(|| {
                Error::Discovery(
                    "it offers neither client_secret_basic nor client_secret_post; if it accepts one of them \
                     anyway, name it in OIDC_CLIENT_AUTH_METHOD"
                        .to_owned(),
                )
            })
    }
}

/// A method with what it needs. No `Debug`: it holds the client secret.
pub struct ClientAuthentication {
    method: ClientAuthMethod,
    client_id: String,
    client_secret: SecretString,
}

impl ClientAuthentication {
    /// Authenticates as `client_id` by `client_secret`.
    pub fn new(method: ClientAuthMethod, client_id: &str, client_secret: SecretString) -> Self {
        ClientAuthentication {
            method,
            client_id: client_id.to_owned(),
            client_secret,
        }
    }

    /// The request with the proof. Call it for each send, also for a retry.
    pub fn apply(&self, request: Request) -> Request {
        match self.method {
            ClientAuthMethod::Basic => basic::apply(request, &self.client_id, &self.client_secret),
            ClientAuthMethod::Post => post::apply(request, &self.client_id, &self.client_secret),
        }
    }

    /// The secrets that must not be logged if the provider repeats them.
    pub fn secrets(&self) -> [SecretString; 2] {
        let credentials = basic::credentials(&self.client_id, &self.client_secret);
        [self.client_secret.clone(), credentials]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::tests::metadata;
    use serde_json::json;
    use url::Url;

    #[test]
    fn the_method_is_the_configured_one_or_else_one_that_the_provider_offers() {
        let offers =
            |names: &[&str]| metadata(json!({"token_endpoint_auth_methods_supported": names}));
        for (configured, offered, expected) in [
            (
                None,
                &["client_secret_post", "client_secret_basic"][..],
                ClientAuthMethod::Basic,
            ),
            (None, &["client_secret_post"], ClientAuthMethod::Post),
            (
                Some(ClientAuthMethod::Post),
                &["client_secret_basic"],
                ClientAuthMethod::Post,
            ),
            (Some(ClientAuthMethod::Basic), &[], ClientAuthMethod::Basic),
        ] {
            let chosen = ClientAuthMethod::choose(configured, &offers(offered)).unwrap();
            assert_eq!(chosen, expected, "{offered:?}");
        }
        let neither = ClientAuthMethod::choose(None, &offers(&["private_key_jwt"])).unwrap_err();
        assert!(
            neither
                .to_string()
                .ends_with("name it in OIDC_CLIENT_AUTH_METHOD")
        );
    }

    #[test]
    fn each_method_puts_the_secret_in_one_place() {
        let request = || Request::post(Url::parse("https://op.example/token").unwrap());
        let authenticated = |method| {
            let authentication = ClientAuthentication::new(method, "i d", "s+1".into());
            let request = authentication.apply(request().field("code", "c"));
            let headers = request.headers();
            let headers = headers.filter(|(name, _)| *name == "authorization");
            let headers: Vec<String> = headers.map(|(_, value)| value.to_owned()).collect();
            (headers, request.body())
        };
        let basic = (vec!["Basic aStkOnMlMkIx".to_owned()], "code=c".to_owned());
        assert_eq!(authenticated(ClientAuthMethod::Basic), basic);
        let post = (
            Vec::new(),
            "code=c&client_id=i+d&client_secret=s%2B1".to_owned(),
        );
        assert_eq!(authenticated(ClientAuthMethod::Post), post);
    }
}
