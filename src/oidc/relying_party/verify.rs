//! The signatures of what the provider says of a person.

use jsonwebtoken::Algorithm;

use super::RelyingParty;
use crate::oidc::error::Error;
use crate::oidc::flow::id_token::IdTokenError;
use crate::oidc::http::client::Http;
use crate::oidc::jose::jws::{Expected, Verified};
use crate::oidc::jose::typ::Typ;
use crate::oidc::provider::keys::Asker;
use crate::oidc::provider::metadata::Metadata;

impl RelyingParty {
    /// Verifies what the provider has signed for a sign-in, with newer keys if those that are known do not fit.
    ///
    /// # Errors
    /// The outer error: the keys can't be fetched. The inner error: it is not verified.
    pub(super) async fn verify(
        &self,
        http: &Http,
        metadata: &Metadata,
        token: &str,
        algs: &[Algorithm],
        typ: Typ,
    ) -> Result<Result<Verified, IdTokenError>, Error> {
        let (uri, now) = (&metadata.jwks_uri, self.clock.now());
        let expected = Expected { algs, typ };
        let verified = self
            .keys
            .verify(Asker::SignIn, http, uri, now, token, &expected);
        let verified = verified.await?;
        Ok(verified.map_err(|unverified| IdTokenError::Jws(unverified.cause)))
    }
}
