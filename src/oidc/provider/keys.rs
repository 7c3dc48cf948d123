//! The keys with which the provider signs: fetched from its `jwks_uri`, cached, and fetched again when a token may have
//! been signed with a newer one (OpenID Connect Core 10.1.1).

use std::sync::Arc;
use std::time::Duration as StdDuration;

use secrecy::{ExposeSecret, SecretString};
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::observe::metrics::Endpoint;
use crate::oidc::error::Error;
use crate::oidc::http::client::Http;
use crate::oidc::http::request::Request;
use crate::oidc::http::response::Response;
use crate::oidc::jose::jws::{self, Expected, JwsError, Verified};
use crate::oidc::jose::key_set::KeySet;
use crate::oidc::provider::cache::{Cache, Newer};

pub use crate::oidc::provider::cache::Asker;

/// The greatest age of keys that decide whether an ID token can still be a hint at sign-out.
const AGE_FOR_HINTS: Duration = Duration::MINUTE;

/// How long a sign-out waits for keys if none are cached.
const PATIENCE_FOR_HINTS: StdDuration = StdDuration::from_millis(500);

/// The provider's signing keys.
#[derive(Default)]
pub struct SigningKeys {
    cache: Arc<Cache<KeySet>>,
}

/// Why a token is not verified.
#[derive(Debug, PartialEq)]
pub struct Unverified {
    /// What is wrong with it.
    pub cause: JwsError,
    /// If newer keys might help, and were fetched too short a time ago: after how many seconds they may be fetched again.
    pub retry_after_secs: Option<u64>,
}

impl SigningKeys {
    /// Verifies `token` with the provider's keys. If that fails and newer keys may help, fetches them and tries again: for a
    /// sign-in every ten seconds at most; for all tokens that anybody can post here once a minute, so that made-up key ids
    /// cause few requests and keep no sign-in from the new keys of a rotation.
    ///
    /// # Errors
    /// The outer error: the keys can't be fetched. The inner error: the token is not verified.
    pub async fn verify(
        &self,
        asker: Asker,
        http: &Http,
        jwks_uri: &Url,
        now: OffsetDateTime,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<Result<Verified, Unverified>, Error> {
        let fetch = || fetch_owned(http, jwks_uri);
        let unverified = |retry_after_secs| {
            move |cause| Unverified {
                cause,
                retry_after_secs,
            }
        };
        let keys = self.cache.get_for(asker, now, fetch).await?;
        let cause = match jws::verify(token, &keys, expected) {
            Err(cause) if cause.may_be_rotation() => cause,
            verified => return Ok(verified.map_err(unverified(None))),
        };
        Ok(
            match self.cache.get_newer(asker, now, &keys, fetch).await? {
                Newer::Value(newer) => {
                    jws::verify(token, &newer, expected).map_err(unverified(None))
                }
                Newer::Throttled(secs) => Err(unverified(Some(secs))(cause)),
            },
        )
    }

    /// Whether the key that `id_token` names is still published; `true` if that can't be determined.
    pub async fn still_have_key_of(
        &self,
        id_token: &SecretString,
        http: &Http,
        jwks_uri: &Url,
        now: OffsetDateTime,
    ) -> bool {
        let Some(kid) = jws::unverified_kid(id_token.expose_secret()) else {
            return true;
        };
        let fetch = || fetch_owned(http, jwks_uri);
        let keys = self.cache.get_within(AGE_FOR_HINTS, now, fetch);
        // A sign-out does not wait for a provider that hangs.
        match tokio::time::timeout(PATIENCE_FOR_HINTS, keys).await {
            Ok(Ok(keys)) => keys.has_kid(&kid),
            Ok(Err(_)) | Err(_) => true,
        }
    }
}

/// Fetches the key set, and the seconds for which the provider lets it be cached.
pub async fn fetch(http: &Http, jwks_uri: &Url) -> Result<(KeySet, Option<u64>), Error> {
    let make = || Request::get(jwks_uri.clone());
    let response = http.send(Endpoint::Keys, make).await;
    let response = response.and_then(Response::ok);
    let response = response.map_err(Error::fetching(Endpoint::Keys))?;
    let body = response.text().map_err(Error::Keys)?;
    let keys = KeySet::parse(&body).map_err(|cause| Error::Keys(cause.to_string()))?;
    Ok((keys, response.max_age_secs))
}

/// [`fetch`] for a task that may outlive the request that started it.
fn fetch_owned(
    http: &Http,
    jwks_uri: &Url,
) -> impl Future<Output = Result<(KeySet, Option<u64>), Error>> + use<> {
    let (http, jwks_uri) = (http.clone(), jwks_uri.clone());
    async move { fetch(&http, &jwks_uri).await }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::oidc::http::proxy::Proxy;
    use crate::oidc::http::trust_roots::tls_config;
    use crate::oidc::jose::signer::Signer;
    use crate::oidc::jose::typ::Typ;

    #[tokio::test]
    async fn newer_keys_are_fetched_only_if_they_may_help() {
        let signer = Signer::new(Algorithm::ES256);
        let keys = SigningKeys::default();
        let now = Clock::default().now();
        let cached = signer.key_set();
        keys.cache
            .get(now, || async { Ok((cached, None)) })
            .await
            .unwrap();
        // Nothing listens there.
        let jwks_uri = Url::parse("https://127.0.0.1:1/keys").unwrap();
        let http = Http::new(tls_config(None).unwrap(), &Proxy::default());
        let judged = async |header| {
            let token = signer.sign(&header, &json!({}));
            let expected = Expected {
                algs: &[Algorithm::ES256],
                typ: Typ::optional(&["JWT"]),
            };
            let verified = keys.verify(Asker::SignIn, &http, &jwks_uri, now, &token, &expected);
            tokio::task::LocalSet::new().run_until(verified).await
        };
        // First, or the pause after a request would hide it.
        let not_fetched = judged(json!({"alg": "ES256", "crit": ["b64"]})).await;
        assert_eq!(not_fetched.unwrap().unwrap_err().cause, JwsError::Critical);
        let not_fetched = judged(json!({"alg": "ES256", "kid": "a"})).await;
        assert!(not_fetched.unwrap().is_ok());
        let fetched = judged(json!({"alg": "ES256", "kid": "b"})).await;
        assert!(matches!(
            fetched,
            Err(Error::Fetch {
                endpoint: Endpoint::Keys,
                ..
            })
        ));
    }
}
