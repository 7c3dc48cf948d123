//! What a browser keeps for us: its session, its sign-in attempts, and the cookies of both.

mod authentication;
mod by_provider;
mod cache;
mod carrier;
mod cookie_header;
mod cookie_names;
mod count;
mod end_session;
mod form_post;
mod handover;
mod identity_key;
mod key_ring;
mod keys;
mod login_attempt;
mod logout;
mod optional_writes;
mod origin;
mod own;
#[cfg(test)]
mod properties;
mod recheck;
mod recheck_claim;
mod recheck_times;
mod return_to;
mod row;
mod signed_in;
mod start_session;
mod store;
mod stored;
#[cfg(test)]
mod tests;
mod used_attempts;

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use secrecy::SecretSlice;

pub use authentication::Authentication;
pub use by_provider::{EndedByProvider, Said};
pub use cache::{AppHeaders, CachedSession};
pub use carrier::{identity_middleware, reseal, session_middleware, session_scope};
pub use cookie_header::{OwnCookies, count as count_cookies};
pub use handover::{
    AppCookies, CodeFault, HandoverError, HandoverRequest, NewHandover, PROBE, Prober,
    RefusedVisit, Start, StartedHandover, StepUp,
};
pub use identity_key::{IdentityKey, PublicKey};
pub use login_attempt::{AttemptError, LoginAttempt};
pub use logout::Logout;
pub use recheck::CLAIM as RECHECK_CLAIM;
pub use recheck_claim::{Kept, RecheckClaim};
pub use recheck_times::Due;
pub use return_to::ReturnTo;
pub use signed_in::SignedIn;
pub use start_session::{FinishedAttempt, SignInError};

use crate::clock::Clock;
use crate::db::Db;
use crate::public_url::PublicUrl;
use crate::settings::Settings;
use cache::SessionCache;
use cookie_names::CookieNames;
use key_ring::KeyRing;
use optional_writes::OptionalWrites;
use recheck_times::RecheckRules;
use used_attempts::UsedAttempts;

/// What the fuzz targets and the benchmarks use.
#[cfg(any(test, fuzzing, feature = "internals"))]
pub(crate) mod internals {
    #[cfg(any(test, fuzzing))]
    pub use super::cookie_header::{OwnCookies, keep_own_cookies};
    #[cfg(any(test, fuzzing))]
    pub use super::cookie_names::CookieNames;
    pub use super::keys::Keys;
    #[cfg(test)]
    pub use super::tests::signed_in_at;
}

/// The rules of sessions and of the cookies that carry them.
pub struct Sessions {
    keys: KeyRing,
    names: CookieNames,
    public_url: PublicUrl,
    /// The configured issuer. Sessions of people of another issuer do not open.
    issuer: String,
    idle_timeout: Duration,
    absolute_timeout: Duration,
    /// If the provider is asked again.
    recheck: Option<RecheckRules>,
    clock: Clock,
    db: Db,
    cache: SessionCache,
    used_attempts: UsedAttempts,
    optional_writes: OptionalWrites,
}

impl Sessions {
    /// The rules that `settings` give, with `key` as `SESSION_KEY`.
    pub fn new(settings: &Settings, key: &SecretSlice<u8>, db: Db, clock: Clock) -> Self {
        Sessions {
            keys: KeyRing::new(key, settings.sessions.previous_key.as_ref(), clock.clone()),
            names: CookieNames::of(&settings.public_url),
            public_url: settings.public_url.clone(),
            issuer: settings.provider.registration.issuer.clone(),
            idle_timeout: settings.sessions.idle_timeout,
            absolute_timeout: settings.sessions.absolute_timeout,
            recheck: RecheckRules::of(&settings.sessions),
            clock,
            db,
            cache: SessionCache::new(settings.sessions.cache),
            used_attempts: UsedAttempts::new(),
            optional_writes: OptionalWrites::new(settings.sessions.idle_timeout),
        }
    }

    /// Accepts `key`: it opens at once, and seals after `delay`. The key that it replaces then still opens for as long as a
    /// session may last.
    pub async fn rotate_key(&self, key: SecretSlice<u8>, delay: Duration) {
        let coming = self.keys.accept(&key);
        actix_web::rt::time::sleep(delay).await;
        self.keys.promote(&coming, self.absolute_timeout);
        log::info!("sessions are sealed with the new SESSION_KEY from now on");
    }

    /// Acts with the key that signs for apps now.
    pub fn with_identity_key<T>(&self, act: impl FnOnce(&IdentityKey) -> T) -> T {
        self.keys.with_identity_key(act)
    }

    /// What apps verify signatures with: the key that signs, the coming one, the previous one.
    pub fn identity_keys(&self) -> Vec<PublicKey> {
        self.keys.identity_keys()
    }

    /// Removes from `headers` all cookies but our own well-formed ones that were sent once. Call it before the framework
    /// reads them.
    pub fn keep_own_cookies(&self, headers: &mut HeaderMap) -> OwnCookies {
        cookie_header::keep_own_cookies(headers, &self.names)
    }
}
