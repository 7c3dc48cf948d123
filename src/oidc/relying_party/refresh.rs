//! Asking the provider again about somebody who is signed in.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout, timeout_at};

use super::RelyingParty;
use crate::observe::metrics::Endpoint;
use crate::oidc::error::Error;
use crate::oidc::flow::id_token::{self, Former, RefreshedTokenError, Renewed};
use crate::oidc::flow::refresh::{self, Refreshed};
use crate::oidc::flow::refusal::Refusal;
use crate::oidc::http::client::Http;
use crate::oidc::http::response::FetchError;

/// How long a revocation may take.
const REVOCATION_LIMIT: Duration = Duration::from_secs(3);

/// Why the provider does not say that the person is still welcome.
#[derive(Debug)]
pub enum RefreshError {
    /// It refuses the refresh token: they are not.
    NotWelcome(Refusal),
    /// Its ID token is refused.
    Token(RefreshedTokenError),
    /// Its ID token is of this sign-in and says that its session is over.
    SessionOver,
    /// It does not say: it did not answer, or refuses us, whoever the person is.
    Unanswered(Error),
    /// All that is asked of it takes too long.
    TooSlow,
}

impl RefreshError {
    /// After how many seconds the provider wants the next request, if it says so.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            RefreshError::Unanswered(cause) => cause.retry_after_secs(),
            _ => None,
        }
    }
}

impl From<Error> for RefreshError {
    fn from(cause: Error) -> Self {
        match cause {
            Error::CodeRefused(refusal) => RefreshError::NotWelcome(refusal),
            cause => RefreshError::Unanswered(cause),
        }
    }
}

impl From<RefreshedTokenError> for RefreshError {
    fn from(cause: RefreshedTokenError) -> Self {
        match cause {
            RefreshedTokenError::SessionOver => RefreshError::SessionOver,
            cause => RefreshError::Token(cause),
        }
    }
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RefreshError::NotWelcome(refusal) => {
                f.write_str("the token endpoint responded with invalid_grant")?;
                refusal.write_description(f)
            }
            RefreshError::Token(cause) => write!(f, "the refreshed ID token is refused: {cause}"),
            RefreshError::SessionOver => {
                f.write_str("the session_expiry of the refreshed ID token is past")
            }
            RefreshError::Unanswered(cause) => cause.fmt(f),
            RefreshError::TooSlow => f.write_str("its responses together take too long"),
        }
    }
}

impl RelyingParty {
    /// Exchanges a refresh token (RFC 6749, 6). What comes of it is kept even if its ID token can't be verified now: the
    /// provider may have replaced the token. It is sent before `send_by` or not at all, and then gets its full time.
    pub async fn refresh(
        &self,
        http: &Http,
        refresh_token: &SecretString,
        send_by: Instant,
    ) -> Result<Refreshed, RefreshError> {
        let metadata = timeout_at(send_by, self.metadata(http)).await;
        let metadata = metadata.map_err(|_| RefreshError::TooSlow)??;
        // What is known already takes no time, however late it is.
        if send_by <= Instant::now() {
            return Err(RefreshError::TooSlow);
        }
        let authentication = self.authentication(&metadata)?;
        Ok(refresh::refresh(http, &metadata, &authentication, refresh_token).await?)
    }

    /// Verifies the ID token of a refresh, if there is one (OpenID Connect Core 12.2). It says nothing new about how the
    /// person was authenticated. The provider's keys are waited for until `judge_by`.
    pub async fn verify_refreshed(
        &self,
        http: &Http,
        refreshed: &Refreshed,
        former: &Former<'_>,
        judge_by: Instant,
    ) -> Result<Option<Renewed>, RefreshError> {
        let verified = timeout_at(judge_by, self.verified(http, refreshed, former)).await;
        verified.unwrap_or(Err(RefreshError::TooSlow))
    }

    async fn verified(
        &self,
        http: &Http,
        refreshed: &Refreshed,
        former: &Former<'_>,
    ) -> Result<Option<Renewed>, RefreshError> {
        let Some(token) = &refreshed.id_token else {
            return Ok(None);
        };
        let metadata = self.metadata(http).await?;
        let registration = &self.registration;
        let algs = registration.id_token_algs(&metadata);
        let (token, now) = (token.expose_secret(), self.clock.now());
        let signed = self.verify(http, &metadata, token, &algs, id_token::TYP);
        let signed = signed.await?;
        let signed = signed.map_err(|cause| RefreshError::Token(cause.into()))?;
        let expected = (
            registration.issuer.as_str(),
            registration.client_id.as_str(),
            refreshed.access_token.expose_secret(),
        );
        id_token::judge_refreshed(&signed, former, expected, &registration.groups, now)
            .map(Some)
            .map_err(RefreshError::from)
    }

    /// Revokes a refresh token that nobody needs any more (RFC 7009), if the provider supports that. Returns whether it
    /// does.
    ///
    /// # Errors
    /// The provider did not do it within three seconds.
    pub async fn revoke(&self, http: &Http, refresh_token: &SecretString) -> Result<bool, Error> {
        let revoke = async {
            let metadata = self.metadata(http).await?;
            let Some(endpoint) = &metadata.revocation_endpoint else {
                return Ok(false);
            };
            let authentication = self.authentication(&metadata)?;
            let revoke = refresh::revoke(http, endpoint, &authentication, refresh_token);
            revoke.await.map(|()| true)
        };
        let revoked = timeout(REVOCATION_LIMIT, revoke).await;
        revoked.unwrap_or(Err(Error::Fetch {
            endpoint: Endpoint::Revocation,
            cause: FetchError::Timeout,
        }))
    }
}
