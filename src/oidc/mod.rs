//! The protocol: Doorward as a relying party of OpenID Connect Core 1.0, a file for each step of
//! the code flow. Knows neither handlers nor the database, neither templates nor the environment.

mod cache;
mod discovery;
mod error;
mod fetch;
mod id_token;
mod keys;
mod login;
mod logout;
mod numeric_date;
mod token;
mod userinfo;

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use discovery::{Metadata, is_confidential};
pub use error::Error;
pub use fetch::{FetchError, Http, tls_config};
pub use id_token::{Claims, IdTokenError};
pub use keys::asymmetric;
pub use login::{Attempt, AuthorizationResponse, DuplicateParameter};
pub use token::TokenResponse;
pub use userinfo::Profile;

use crate::clock::Clock;
use cache::Cache;
use id_token::{Expectation, verify_id_token};
use keys::KeySet;

/// What the provider knows of us, and we of it.
pub struct Registration {
    /// The issuer, to the letter.
    pub issuer: String,
    /// `client_id` (RFC 6749, 2.2).
    pub client_id: String,
    /// `client_secret` (RFC 6749, 2.3.1).
    pub client_secret: SecretString,
    /// Where the authorization response comes to.
    pub redirect_uri: Url,
    /// Where the browser comes back to after it signed out, to the letter.
    pub post_logout_redirect_uri: String,
    /// What to ask for, separated by spaces; `openid` among it.
    pub scopes: String,
    /// Replaces the discovery document's list.
    pub id_token_algs: Option<Vec<Algorithm>>,
}

/// The relying party: the registration, and what is known of the provider so far. The provider
/// may be away when this is made; it is asked when somebody wants to sign in.
pub struct RelyingParty {
    registration: Registration,
    metadata: Cache<Metadata>,
    keys: Cache<KeySet>,
    clock: Clock,
}

impl RelyingParty {
    /// Makes the relying party without talking to anybody.
    pub fn new(registration: Registration, clock: Clock) -> Self {
        RelyingParty {
            registration,
            metadata: Cache::default(),
            keys: Cache::default(),
            clock,
        }
    }

    /// The configured issuer.
    pub fn issuer(&self) -> &str {
        &self.registration.issuer
    }

    /// Where to send the browser to sign in (OpenID Connect Core 3.1.2.1).
    pub async fn authorization_request(
        &self,
        http: &Http,
        attempt: &Attempt,
    ) -> Result<Url, Error> {
        let metadata = self.metadata(http).await?;
        Ok(login::authorization_request(
            &metadata,
            &self.registration,
            attempt,
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
        token::exchange(http, &metadata, &self.registration, code, verifier).await
    }

    /// Verifies the ID token (OpenID Connect Core 3.1.3.7), with newer keys if it names one that is
    /// not known (10.1.1: the provider may have rotated them).
    pub async fn verify_id_token(
        &self,
        http: &Http,
        tokens: &TokenResponse,
        attempt: &Attempt,
    ) -> Result<Claims, Error> {
        let metadata = self.metadata(http).await?;
        let published: Vec<Algorithm>;
        let algs = match &self.registration.id_token_algs {
            Some(configured) => configured,
            None => {
                let names = metadata.id_token_algs.iter();
                published = names.filter_map(|name| asymmetric(name)).collect();
                &published
            }
        };
        let expected = Expectation {
            issuer: &self.registration.issuer,
            client_id: &self.registration.client_id,
            nonce: &attempt.nonce,
            access_token: tokens.access_token.expose_secret(),
            algs,
        };
        let id_token = tokens.id_token.expose_secret();
        let now = self.clock.now();
        let fetch_keys = || keys::fetch(http, &metadata.jwks_uri);
        let keys = self.keys.get(now, fetch_keys).await?;
        match verify_id_token(id_token, &keys, &expected, now) {
            Err(IdTokenError::UnknownKey(_)) => {
                let keys = self.keys.get_newer(now, &keys, fetch_keys).await?;
                Ok(verify_id_token(id_token, &keys, &expected, now)?)
            }
            judged => Ok(judged?),
        }
    }

    /// Reads userinfo about the person of the ID token (OpenID Connect Core 5.3).
    pub async fn userinfo(
        &self,
        http: &Http,
        tokens: &TokenResponse,
        claims: &Claims,
    ) -> Result<Profile, Error> {
        let metadata = self.metadata(http).await?;
        userinfo::fetch(http, &metadata, &tokens.access_token, &claims.sub).await
    }

    /// Where to send the browser to sign out (RP-Initiated Logout 1.0), if the provider has such a
    /// place.
    pub async fn end_session_request(
        &self,
        http: &Http,
        id_token_hint: Option<&SecretString>,
        state: &str,
    ) -> Result<Option<Url>, Error> {
        let metadata = self.metadata(http).await?;
        Ok(logout::end_session_request(
            &metadata,
            &self.registration,
            id_token_hint,
            state,
        ))
    }

    async fn metadata(&self, http: &Http) -> Result<Arc<Metadata>, Error> {
        let fetch = || discovery::fetch(http, &self.registration.issuer);
        self.metadata.get(self.clock.now(), fetch).await
    }
}
