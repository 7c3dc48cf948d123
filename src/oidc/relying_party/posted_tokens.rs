//! Tokens that the provider posts here, and that anybody else can post too.

use std::sync::Arc;

use super::RelyingParty;
use crate::oidc::error::Error;
use crate::oidc::flow::logout_token::{self, LogoutToken, LogoutTokenError};
use crate::oidc::flow::revocation_request::{self, RevokedSubject};
use crate::oidc::flow::revocation_token::{
    self, Expectation, RevocationToken, RevocationTokenError,
};
use crate::oidc::http::client::Http;
use crate::oidc::jose::jws::{Expected, JwsError};
use crate::oidc::provider::cache::Cache;
use crate::oidc::provider::keys::{Asker, SigningKeys, Unverified};
use crate::oidc::provider::metadata::{self, Metadata};
use crate::oidc::registration::Registration;

/// Why a token that was posted here is not acted on.
#[derive(Debug)]
pub enum PostedTokenError<Refusal> {
    /// It is refused.
    Refused(Refusal),
    /// It is refused, and might not be with newer keys. They were fetched for another token less than a minute ago.
    KeysAsked {
        /// Why it is refused.
        cause: Refusal,
        /// After how many seconds they may be fetched again.
        retry_after_secs: u64,
    },
    /// What the provider publishes can't be read, so the token can't be judged.
    Provider(Error),
}

impl<Refusal> PostedTokenError<Refusal> {
    fn unverified(of: impl FnOnce(JwsError) -> Refusal) -> impl FnOnce(Unverified) -> Self {
        |unverified| {
            let cause = of(unverified.cause);
            match unverified.retry_after_secs {
                None => PostedTokenError::Refused(cause),
                Some(retry_after_secs) => PostedTokenError::KeysAsked {
                    cause,
                    retry_after_secs,
                },
            }
        }
    }
}

impl<Refusal> From<Error> for PostedTokenError<Refusal> {
    fn from(cause: Error) -> Self {
        PostedTokenError::Provider(cause)
    }
}

/// Who signs revocation tokens, if it is not the issuer of ID tokens: Okta's organization where sign-ins go through a
/// custom authorization server. The two have keys of their own.
pub struct OtherIssuer {
    issuer: String,
    metadata: Arc<Cache<Metadata>>,
    keys: SigningKeys,
}

impl OtherIssuer {
    /// The one that `registration` names, if it is another one.
    pub fn of(registration: &Registration) -> Option<OtherIssuer> {
        let other = registration.universal_logout_issuer.clone();
        let issuer = other.filter(|other| *other != registration.issuer)?;
        Some(OtherIssuer {
            issuer,
            metadata: Arc::default(),
            keys: SigningKeys::default(),
        })
    }
}

impl RelyingParty {
    /// Verifies the bearer token of a global token revocation, which anybody can post here. Whether it came before is for the
    /// caller to find out.
    pub async fn verify_revocation_token(
        &self,
        http: &Http,
        token: &str,
    ) -> Result<RevocationToken, PostedTokenError<RevocationTokenError>> {
        let now = self.clock.now();
        let (issuer, keys, metadata) = match &self.other_issuer {
            Some(other) => {
                let fetch = || {
                    let (http, issuer) = (http.clone(), other.issuer.clone());
                    async move { metadata::fetch(&http, &issuer).await }
                };
                let metadata = other.metadata.get_for(Asker::Anybody, now, fetch).await?;
                (&other.issuer, &other.keys, metadata)
            }
            None => {
                let metadata = self.metadata_for(Asker::Anybody, http).await?;
                (&self.registration.issuer, &self.keys, metadata)
            }
        };
        let algs = self.registration.id_token_algs(&metadata);
        let signature = Expected {
            algs: &algs,
            typ: revocation_token::TYP,
        };
        let (uri, anybody) = (&metadata.jwks_uri, Asker::Anybody);
        let signed = keys.verify(anybody, http, uri, now, token, &signature);
        let signed = signed.await?;
        let signed = signed.map_err(PostedTokenError::unverified(RevocationTokenError::Jws))?;
        let expected = Expectation {
            issuer,
            audience: &self.registration.universal_logout_uri,
            client_id: &self.registration.client_id,
        };
        let token = revocation_token::judge(&signed, &expected, now);
        token.map_err(PostedTokenError::Refused)
    }

    /// Whose sessions end, as the body of a global token revocation says.
    ///
    /// # Errors
    /// What is wrong with the body, for the log.
    pub fn read_revocation(&self, body: &[u8]) -> Result<RevokedSubject, String> {
        revocation_request::read(body, &self.registration.issuer)
    }

    /// Verifies a logout token (OpenID Connect Back-Channel Logout 1.0, 2.6), which anybody can post here. Whether it came
    /// before is for the caller to find out.
    pub async fn verify_logout_token(
        &self,
        http: &Http,
        token: &str,
    ) -> Result<LogoutToken, PostedTokenError<LogoutTokenError>> {
        let metadata = self.metadata_for(Asker::Anybody, http).await?;
        let algs = self.registration.id_token_algs(&metadata);
        let expected = Expected {
            algs: &algs,
            typ: logout_token::TYP,
        };
        let now = self.clock.now();
        let signed = self.keys.verify(
            Asker::Anybody,
            http,
            &metadata.jwks_uri,
            now,
            token,
            &expected,
        );
        let signed = signed.await?;
        let signed = signed.map_err(PostedTokenError::unverified(LogoutTokenError::Jws))?;
        let Registration {
            issuer, client_id, ..
        } = &self.registration;
        let token = logout_token::judge(&signed, issuer, client_id, now);
        token.map_err(PostedTokenError::Refused)
    }
}
