//! The protocol: Doorward as a relying party of OpenID Connect Core 1.0, a file for each step of
//! the code flow. Knows neither handlers nor the database, neither templates nor the environment.

mod error;
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

use std::pin::Pin;
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
pub use jose::jws::JwsError;
pub use jose::key_set::asymmetric;
pub use provider::metadata::{Metadata, is_confidential};

use crate::clock::Clock;
use flow::id_token::{Expectation, verify_id_token};
use flow::{authorization_request, end_session, token, userinfo};
use jose::jws;
use jose::key_set::{self, KeySet};
use provider::cache::Cache;
use provider::metadata;

/// How old the keys may be by which it is judged whether an ID token can still be a hint.
const KEYS_AGE_FOR_HINTS: time::Duration = time::Duration::MINUTE;

/// How long to wait for keys, where there are none yet, before an ID token is taken for a hint.
const PATIENCE_FOR_HINTS: std::time::Duration = std::time::Duration::from_millis(500);

/// What the fuzz targets and the benchmarks need of the inside.
#[cfg(any(fuzzing, feature = "internals"))]
pub(crate) mod internals {
    pub use crate::oidc::flow::id_token::{Expectation, verify_id_token};
    pub use crate::oidc::jose::key_set::KeySet;
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
        Some(published) => published
            .iter()
            .filter_map(|name| asymmetric(name))
            .collect(),
        None => key_set::ASYMMETRIC.to_vec(),
    }
}

impl Registration {
    /// The algorithms that the provider signs ID tokens with: what is configured, else what it publishes.
    fn id_token_algs(&self, metadata: &Metadata) -> Vec<Algorithm> {
        match &self.id_token_algs {
            Some(configured) => configured.clone(),
            None => {
                let published = metadata.id_token_algs.iter();
                published.filter_map(|name| asymmetric(name)).collect()
            }
        }
    }
}

/// The relying party: the registration, and what is known of the provider so far. The provider
/// may be away when this is made; it is asked when somebody wants to sign in.
pub struct RelyingParty {
    registration: Registration,
    client_secret: ArcSwap<SecretString>,
    metadata: Arc<Cache<Metadata>>,
    keys: Arc<Cache<KeySet>>,
    clock: Clock,
}

impl RelyingParty {
    /// Makes the relying party without talking to anybody.
    pub fn new(registration: Registration, clock: Clock) -> Self {
        RelyingParty {
            client_secret: ArcSwap::from_pointee(registration.client_secret.clone()),
            registration,
            metadata: Arc::default(),
            keys: Arc::default(),
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
        let expected = Expectation {
            issuer: &self.registration.issuer,
            client_id: &self.registration.client_id,
            nonce: &attempt.nonce,
            access_token: tokens.access_token.expose_secret(),
            algs: &algs,
        };
        let id_token = tokens.id_token.expose_secret();
        let now = self.clock.now();
        let verify = |keys: &KeySet| verify_id_token(id_token, keys, &expected, now);
        Ok(self.with_keys(http, &metadata, verify).await??)
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
        let algs = userinfo_algs(&metadata);
        let Registration {
            issuer, client_id, ..
        } = &self.registration;
        let now = self.clock.now();
        let verify =
            |keys: &KeySet| userinfo::judge_signed(&body, keys, &algs, issuer, client_id, now);
        let userinfo = self.with_keys(http, &metadata, verify).await?;
        let userinfo = userinfo.map_err(|cause| match cause {
            IdTokenError::Jws(JwsError::Algorithm { .. }) => Error::Userinfo(format!(
                "{cause} (discovery's userinfo_signing_alg_values_supported)"
            )),
            cause => Error::Userinfo(cause.to_string()),
        })?;
        userinfo.about(&claims.sub)
    }

    /// Verifies with the provider's keys, and with newer ones if they do not hold the one that is
    /// named (OpenID Connect Core 10.1.1: the provider may have rotated them).
    async fn with_keys<T>(
        &self,
        http: &Http,
        metadata: &Metadata,
        verify: impl Fn(&KeySet) -> Result<T, IdTokenError>,
    ) -> Result<Result<T, IdTokenError>, Error> {
        let now = self.clock.now();
        let keys = self.keys.get(now, fetch_keys(http, metadata)).await?;
        match verify(&keys) {
            Err(IdTokenError::Jws(cause)) if cause.may_be_rotation() => {
                let fetch = fetch_keys(http, metadata);
                let newer = self.keys.get_newer(now, &keys, fetch).await?;
                Ok(verify(&newer))
            }
            judged => Ok(judged),
        }
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
                let key_is_published = self.publishes_key_of(hint, http, &metadata).await;
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

    /// Whether the key that `id_token` names is still published. If nobody says, it is.
    async fn publishes_key_of(
        &self,
        id_token: &SecretString,
        http: &Http,
        metadata: &Metadata,
    ) -> bool {
        let Some(kid) = jws::unverified_kid(id_token.expose_secret()) else {
            return true;
        };
        let now = self.clock.now();
        let fetch = fetch_keys(http, metadata);
        let keys = self.keys.get_within(KEYS_AGE_FOR_HINTS, now, fetch);
        // Who signs out does not wait for a provider that hangs.
        match tokio::time::timeout(PATIENCE_FOR_HINTS, keys).await {
            Ok(Ok(keys)) => keys.names(&kid),
            Ok(Err(_)) | Err(_) => true,
        }
    }

    async fn metadata(&self, http: &Http) -> Result<Arc<Metadata>, Error> {
        let fetch = || {
            let (http, issuer) = (http.clone(), self.registration.issuer.clone());
            async move { metadata::fetch(&http, &issuer).await }
        };
        self.metadata.get(self.clock.now(), fetch).await
    }
}

/// A call that may outlive who asked for it; with what it brings, for how many seconds that may be kept.
type Fetch<T> = Pin<Box<dyn Future<Output = Result<(T, Option<u64>), Error>>>>;

fn fetch_keys(http: &Http, metadata: &Metadata) -> impl FnOnce() -> Fetch<KeySet> {
    move || {
        let (http, jwks_uri) = (http.clone(), metadata.jwks_uri.clone());
        Box::pin(async move { key_set::fetch(&http, &jwks_uri).await })
    }
}
