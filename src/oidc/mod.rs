//! The protocol: Doorward as a relying party of OpenID Connect Core 1.0, a file for each step of
//! the code flow. Knows neither handlers nor the database, neither templates nor the environment.

mod error;
#[cfg(any(test, fuzzing, feature = "internals"))]
pub mod example;
mod flow;
mod http;
mod jose;
pub mod okta;
pub mod probe;
#[cfg(test)]
mod properties;
mod provider;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use jsonwebtoken::Algorithm;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use error::Error;
pub use flow::attempt::{Attempt, Seed};
pub use flow::authorization_error::AuthorizationError;
pub use flow::authorization_request::ResponseMode;
pub use flow::authorization_response::{AuthorizationResponse, MalformedResponse};
pub use flow::end_session::EndSessionRequest;
pub use flow::id_token::{Claims, IdTokenError};
pub use flow::profile::Profile;
pub use flow::refusal::Refusal;
pub use flow::token::{ClientAuth, TokenResponse};
pub use http::certificate::CertificateFault;
pub use http::client::Http;
pub use http::proxy::{Exceptions, Proxy, Upstream};
pub use http::response::FetchError;
pub use http::trust_roots::{count_roots, tls_config};
pub use jose::algorithm::allowed as allowed_algorithm;
pub use jose::jws::JwsError;
pub use provider::metadata::{Metadata, is_confidential};

use crate::clock::Clock;
use flow::id_token::Expectation;
use flow::{authorization_request, end_session, id_token, token, userinfo};
use jose::algorithm;
use jose::jws::Expected;
use provider::cache::Cache;
use provider::keys::SigningKeys;
use provider::metadata;

/// What the fuzz targets and the benchmarks need of the inside.
#[cfg(any(fuzzing, feature = "internals"))]
pub(crate) mod internals {
    pub use crate::oidc::jose::key_set::KeySet;
    pub use crate::oidc::jose::signer::Signer;
    pub use crate::oidc::provider::metadata::parse as parse_discovery;
}

/// What the provider knows of us, and we of it.
pub struct Registration {
    /// The issuer, to the letter.
    pub issuer: String,
    /// `client_id` (RFC 6749, 2.2).
    pub client_id: String,
    /// `client_secret` (RFC 6749, 2.3.1), to begin with.
    pub client_secret: SecretString,
    /// How to prove who we are; what discovery offers unless it is said here.
    pub client_auth: Option<ClientAuth>,
    /// How the authorization response comes.
    pub response_mode: ResponseMode,
    /// Where the authorization response comes to.
    pub redirect_uri: Url,
    /// Where the browser comes back to after it signed out, to the letter.
    pub post_logout_redirect_uri: String,
    /// What to ask for, separated by spaces; `openid` among it.
    pub scopes: String,
    /// Replaces the discovery document's list for ID tokens, and for nothing else.
    pub id_token_algs: Option<Vec<Algorithm>>,
}

/// The algorithms that the provider may sign userinfo with: what it publishes, else all that Doorward verifies. Then
/// the key's own type and `alg` decide, and those are the issuer's too.
fn userinfo_algs(metadata: &Metadata) -> Vec<Algorithm> {
    match &metadata.userinfo_algs {
        Some(published) => algorithm::allowed_of(published),
        None => algorithm::all(),
    }
}

impl Registration {
    /// The algorithms that the provider signs ID tokens with: what is configured, else what it publishes.
    fn id_token_algs(&self, metadata: &Metadata) -> Vec<Algorithm> {
        match &self.id_token_algs {
            Some(configured) => configured.clone(),
            None => algorithm::allowed_of(&metadata.id_token_algs),
        }
    }
}

/// The relying party: the registration, and what is known of the provider so far. The provider
/// may be away when this is made; it is asked when somebody wants to sign in.
pub struct RelyingParty {
    registration: Registration,
    client_secret: ArcSwap<SecretString>,
    metadata: Arc<Cache<Metadata>>,
    keys: SigningKeys,
    clock: Clock,
}

impl RelyingParty {
    /// Makes the relying party without talking to anybody.
    pub fn new(registration: Registration, clock: Clock) -> Self {
        RelyingParty {
            client_secret: ArcSwap::from_pointee(registration.client_secret.clone()),
            registration,
            metadata: Arc::default(),
            keys: SigningKeys::default(),
            clock,
        }
    }

    /// From now on this proves who we are.
    pub fn replace_client_secret(&self, client_secret: SecretString) {
        self.client_secret.store(Arc::new(client_secret));
    }

    /// The configured issuer.
    pub fn issuer(&self) -> &str {
        &self.registration.issuer
    }

    /// How the authorization response comes.
    pub fn response_mode(&self) -> ResponseMode {
        self.registration.response_mode
    }

    /// Where to send the browser to sign in (OpenID Connect Core 3.1.2.1).
    pub async fn authorization_request(
        &self,
        http: &Http,
        attempt: &Attempt,
        login_hint: Option<&str>,
    ) -> Result<Url, Error> {
        let metadata = self.metadata(http).await?;
        Ok(authorization_request::authorization_request(
            &metadata,
            &self.registration,
            attempt,
            login_hint,
        ))
    }

    /// Exchanges the code for tokens (OpenID Connect Core 3.1.3).
    pub async fn exchange_code(
        &self,
        http: &Http,
        code: &SecretString,
        attempt: &Attempt,
    ) -> Result<TokenResponse, Error> {
        let metadata = self.metadata(http).await?;
        let verifier = &attempt.code_verifier;
        let secret = self.client_secret.load_full();
        token::exchange(http, &metadata, &self.registration, &secret, code, verifier).await
    }

    /// Checks that the response comes from our provider (RFC 9207, 2.4): another one could have been
    /// mixed in.
    pub async fn check_response_issuer(
        &self,
        http: &Http,
        response: &AuthorizationResponse,
    ) -> Result<(), Error> {
        match &response.issuer {
            Some(issuer) if *issuer == self.registration.issuer => Ok(()),
            Some(_) => Err(Error::ResponseIssuer("it names another issuer")),
            None if self.metadata(http).await?.response_names_issuer => Err(Error::ResponseIssuer(
                "it names no issuer, and discovery says that it will",
            )),
            None => Ok(()),
        }
    }

    /// Verifies the ID token (OpenID Connect Core 3.1.3.7).
    pub async fn verify_id_token(
        &self,
        http: &Http,
        tokens: &TokenResponse,
        attempt: &Attempt,
    ) -> Result<Claims, Error> {
        let metadata = self.metadata(http).await?;
        let algs = self.registration.id_token_algs(&metadata);
        let signature = Expected {
            algs: &algs,
            typ: id_token::TYP,
        };
        let (token, now) = (tokens.id_token.expose_secret(), self.clock.now());
        let signed = self
            .keys
            .verify(http, &metadata.jwks_uri, now, token, &signature);
        let signed = signed.await?.map_err(IdTokenError::Jws)?;
        let expected = Expectation {
            issuer: &self.registration.issuer,
            client_id: &self.registration.client_id,
            nonce: &attempt.nonce,
            access_token: tokens.access_token.expose_secret(),
        };
        Ok(id_token::judge(&signed, &expected, now)?)
    }

    /// Reads userinfo about the person of the ID token (OpenID Connect Core 5.3). It says nothing where the provider
    /// has no such endpoint: Discovery 3 only recommends it.
    pub async fn userinfo(
        &self,
        http: &Http,
        tokens: &TokenResponse,
        claims: &Claims,
    ) -> Result<Profile, Error> {
        let metadata = self.metadata(http).await?;
        let Some(endpoint) = &metadata.userinfo_endpoint else {
            return Ok(Profile::default());
        };
        let answer = userinfo::fetch(http, endpoint, &tokens.access_token).await?;
        let body = answer.text().map_err(Error::Userinfo)?;
        if !answer.is_jwt {
            return userinfo::judge(&body, &claims.sub);
        }
        let token = std::str::from_utf8(&body);
        let token =
            token.map_err(|_| Error::Userinfo("malformed: userinfo is not text".to_owned()))?;
        let algs = userinfo_algs(&metadata);
        let signature = Expected {
            algs: &algs,
            typ: userinfo::TYP,
        };
        let (token, now) = (token.trim_ascii(), self.clock.now());
        let signed = self
            .keys
            .verify(http, &metadata.jwks_uri, now, token, &signature);
        let Registration {
            issuer, client_id, ..
        } = &self.registration;
        let signed = signed.await?.map_err(IdTokenError::Jws);
        let userinfo =
            signed.and_then(|signed| userinfo::judge_signed(&signed, issuer, client_id, now));
        let userinfo = userinfo.map_err(|cause| match cause {
            IdTokenError::Jws(JwsError::Algorithm { .. }) => Error::Userinfo(format!(
                "{cause} (discovery's userinfo_signing_alg_values_supported)"
            )),
            cause => Error::Userinfo(cause.to_string()),
        })?;
        userinfo.about(&claims.sub)
    }

    /// Where to send the browser to sign out (RP-Initiated Logout 1.0), if the provider has such a
    /// place. A hint that the provider can't verify any more is left out: some would refuse the whole request.
    pub async fn end_session_request(
        &self,
        http: &Http,
        id_token_hint: Option<&SecretString>,
        state: &str,
    ) -> Result<Option<EndSessionRequest>, Error> {
        let metadata = self.metadata(http).await?;
        let id_token_hint = match id_token_hint {
            Some(hint) if metadata.end_session_endpoint.is_some() => {
                let (uri, now) = (&metadata.jwks_uri, self.clock.now());
                let key_is_published = self.keys.still_have_key_of(hint, http, uri, now).await;
                key_is_published.then_some(hint)
            }
            hint => hint,
        };
        Ok(end_session::end_session_request(
            &metadata,
            &self.registration,
            id_token_hint,
            state,
        ))
    }

    async fn metadata(&self, http: &Http) -> Result<Arc<Metadata>, Error> {
        let fetch = || {
            let (http, issuer) = (http.clone(), self.registration.issuer.clone());
            async move { metadata::fetch(&http, &issuer).await }
        };
        self.metadata.get(self.clock.now(), fetch).await
    }
}
