//! The relying party: the steps of a sign-in, with what is known of the provider.

mod posted_tokens;
mod refresh;
mod verify;

use std::sync::Arc;

use arc_swap::ArcSwap;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use url::Url;

use crate::clock::Clock;
use crate::oidc::client_auth::{ClientAuthMethod, ClientAuthentication};
use crate::oidc::error::Error;
use crate::oidc::flow::attempt::Attempt;
use crate::oidc::flow::authorization_request::{ResponseMode, authorization_request};
use crate::oidc::flow::authorization_response::AuthorizationResponse;
use crate::oidc::flow::end_session::{EndSessionRequest, end_session_request};
use crate::oidc::flow::id_token::{self, Claims, Expectation, IdTokenError, Nonce};
use crate::oidc::flow::profile::Profile;
use crate::oidc::flow::requirement::Requirement;
use crate::oidc::flow::token::{self, TokenResponse};
use crate::oidc::flow::userinfo;
use crate::oidc::http::client::Http;
use crate::oidc::provider::cache::Cache;
use crate::oidc::provider::keys::{Asker, SigningKeys};
use crate::oidc::provider::metadata::{self, Metadata};
use crate::oidc::registration::{Registration, userinfo_algs};
use posted_tokens::OtherIssuer;
pub use posted_tokens::PostedTokenError;
pub use refresh::RefreshError;

/// The relying party: the registration, and what is known of the provider so far. The provider may be down when this is
/// created: requests go to it only when a person signs in.
pub struct RelyingParty {
    registration: Registration,
    client_secret: ArcSwap<SecretString>,
    pub(super) metadata: Arc<Cache<Metadata>>,
    keys: SigningKeys,
    other_issuer: Option<OtherIssuer>,
    pub(super) clock: Clock,
}

impl RelyingParty {
    /// Creates the relying party without a request to the provider.
    pub fn new(registration: Registration, clock: Clock) -> Self {
        RelyingParty {
            other_issuer: OtherIssuer::of(&registration),
            client_secret: ArcSwap::from_pointee(registration.client_secret.clone()),
            registration,
            metadata: Arc::default(),
            keys: SigningKeys::default(),
            clock,
        }
    }

    /// Uses another client secret from now on.
    pub fn replace_client_secret(&self, client_secret: SecretString) {
        self.client_secret.store(Arc::new(client_secret));
    }

    /// The configured issuer.
    pub fn issuer(&self) -> &str {
        &self.registration.issuer
    }

    /// How the authorization response is sent back.
    pub fn response_mode(&self) -> ResponseMode {
        self.registration.response_mode
    }

    /// The URL where the browser signs in (OpenID Connect Core 3.1.2.1). `step_up` is what this sign-in requires beyond
    /// what each does. With `asks_again`, the provider must not take a sign-in of before for it (`prompt=login`).
    pub async fn authorization_request(
        &self,
        http: &Http,
        attempt: &Attempt,
        login_hint: Option<&str>,
        step_up: Option<&Requirement>,
        asks_again: bool,
    ) -> Result<Url, Error> {
        let metadata = self.metadata(http).await?;
        let registration = &self.registration;
        let mut url = authorization_request(&metadata, registration, attempt, login_hint, step_up);
        if asks_again {
            url.query_pairs_mut().append_pair("prompt", "login");
        }
        Ok(url)
    }

    /// Exchanges the code for tokens (OpenID Connect Core 3.1.3).
    pub async fn exchange_code(
        &self,
        http: &Http,
        code: &SecretString,
        attempt: &Attempt,
    ) -> Result<TokenResponse, Error> {
        let metadata = self.metadata(http).await?;
        let authentication = self.authentication(&metadata)?;
        token::exchange(
            http,
            &metadata,
            &self.registration,
            &authentication,
            code,
            &attempt.code_verifier,
        )
        .await
    }

    /// Checks that the response comes from our provider (RFC 9207, 2.4), against mix-up attacks.
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

    /// Verifies the ID token (OpenID Connect Core 3.1.3.7) of an attempt that began at `began_at` with `step_up`.
    pub async fn verify_id_token(
        &self,
        http: &Http,
        tokens: &TokenResponse,
        attempt: &Attempt,
        began_at: OffsetDateTime,
        step_up: Option<&Requirement>,
    ) -> Result<Claims, Error> {
        let metadata = self.metadata(http).await?;
        let algs = self.registration.id_token_algs(&metadata);
        let (token, now) = (tokens.id_token.expose_secret(), self.clock.now());
        let signed = self.verify(http, &metadata, token, &algs, id_token::TYP);
        let signed = signed.await??;
        let expected = Expectation {
            issuer: &self.registration.issuer,
            client_id: &self.registration.client_id,
            nonce: Nonce::Of(&attempt.nonce),
            access_token: tokens.access_token.expose_secret(),
            groups: &self.registration.groups,
        };
        let claims = id_token::judge(&signed, &expected, now)?;
        // 12 and 13: what was required when the request was made, not what the browser made of it.
        for required in [Some(&self.registration.required), step_up]
            .into_iter()
            .flatten()
        {
            let (acr, auth_time) = (claims.acr.as_deref(), claims.auth_time);
            let judged = required.judge(acr, auth_time, began_at, now);
            judged.map_err(IdTokenError::Authentication)?;
        }
        Ok(claims)
    }

    /// Reads userinfo about the person of the ID token (OpenID Connect Core 5.3). It is empty if the provider has no such
    /// endpoint: Discovery 3 only recommends one.
    pub async fn userinfo(
        &self,
        http: &Http,
        tokens: &TokenResponse,
        claims: &Claims,
    ) -> Result<Profile, Error> {
        let metadata = self.metadata(http).await?;
        let groups = &self.registration.groups;
        let Some(endpoint) = &metadata.userinfo_endpoint else {
            return Ok(Profile::default());
        };
        let response = userinfo::fetch(http, endpoint, &tokens.access_token).await?;
        let body = response.text().map_err(Error::Userinfo)?;
        if !response.is_jwt {
            return userinfo::judge(&body, &claims.sub, groups);
        }
        let token = std::str::from_utf8(&body);
        let token =
            token.map_err(|_| Error::Userinfo("malformed: userinfo is not text".to_owned()))?;
        let algs = userinfo_algs(&metadata);
        let (token, now) = (token.trim_ascii(), self.clock.now());
        let signed = self.verify(http, &metadata, token, &algs, userinfo::TYP);
        let signed = signed.await?;
        let (issuer, client_id) = (&self.registration.issuer, &self.registration.client_id);
        let userinfo = signed
            .and_then(|signed| userinfo::judge_signed(&signed, issuer, client_id, groups, now));
        let userinfo = userinfo.map_err(userinfo::refused)?;
        userinfo.about(&claims.sub)
    }

    /// The request with which the browser signs out at the provider (RP-Initiated Logout 1.0), if the provider supports
    /// that. A hint that the provider can't verify any more is left out: some would refuse the whole request.
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
        let registration = &self.registration;
        Ok(end_session_request(
            &metadata,
            registration,
            id_token_hint,
            state,
        ))
    }

    /// How requests to the token endpoint prove who sends them.
    fn authentication(&self, metadata: &Metadata) -> Result<ClientAuthentication, Error> {
        Ok(ClientAuthentication::new(
            ClientAuthMethod::choose(self.registration.client_auth, metadata)?,
            &self.registration.client_id,
            SecretString::clone(&self.client_secret.load()),
        ))
    }

    async fn metadata(&self, http: &Http) -> Result<Arc<Metadata>, Error> {
        self.metadata_for(Asker::SignIn, http).await
    }

    async fn metadata_for(&self, asker: Asker, http: &Http) -> Result<Arc<Metadata>, Error> {
        let fetch = || {
            let (http, issuer) = (http.clone(), self.registration.issuer.clone());
            async move { metadata::fetch(&http, &issuer).await }
        };
        let now = self.clock.now();
        self.metadata.get_for(asker, now, fetch).await
    }
}
