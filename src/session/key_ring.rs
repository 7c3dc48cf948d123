//! The keys in use: one that signs and seals, and up to two more that only verify and open. So `SESSION_KEY` can be
//! rotated while people stay signed in.
//!
//! A new key opens at once and seals after a delay. Until then, other processes may not have read it and could not open
//! what it sealed.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretSlice;
use time::OffsetDateTime;

use super::identity_key::{IdentityKey, PublicKey};
use super::keys::{Keys, SealingKey};
use crate::clock::Clock;

/// How long a signature is, and a session's secret, as text: 32 bytes each.
const PART_LEN: usize = 43;

/// How long a session's secret is with its signature.
pub const SIGNED_LEN: usize = 2 * PART_LEN;

/// The keys in use. Reading takes no lock; they are replaced as a whole.
pub struct KeyRing {
    ring: ArcSwap<Ring>,
    clock: Clock,
}

#[derive(Clone)]
struct Ring {
    current: Arc<Keys>,
    previous: Option<Previous>,
    coming: Option<Arc<Keys>>,
}

#[derive(Clone)]
struct Previous {
    keys: Arc<Keys>,
    /// When it stops opening; never, if it is in the settings.
    until: Option<OffsetDateTime>,
}

/// Which key signed or sealed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeWith {
    /// The current one, or the next.
    Current,
    /// The previous one: what it sealed or signed is re-sealed.
    Retired,
}

impl KeyRing {
    /// `SESSION_KEY` and `SESSION_KEY_PREVIOUS`.
    pub fn new(
        current: &SecretSlice<u8>,
        previous: Option<&SecretSlice<u8>>,
        clock: Clock,
    ) -> Self {
        let keys = |key| Arc::new(Keys::derive(key));
        let ring = ArcSwap::from_pointee(Ring {
            current: keys(current),
            previous: previous.map(|key| Previous {
                keys: keys(key),
                until: None,
            }),
            coming: None,
        });
        KeyRing { ring, clock }
    }

    /// Accepts `key`, which then opens too. Pass the result to [`KeyRing::promote`].
    pub fn accept(&self, key: &SecretSlice<u8>) -> Coming {
        let keys = Arc::new(Keys::derive(key));
        self.ring.rcu(|ring| Ring {
            coming: Some(keys.clone()),
            ..Ring::clone(ring)
        });
        Coming(keys)
    }

    /// Makes the accepted key the current one, which signs and seals. The former current key becomes the previous one, which
    /// opens for `lifetime`.
    pub fn promote(&self, Coming(keys): &Coming, lifetime: Duration) {
        let until = Some(self.clock.now() + lifetime);
        self.ring.rcu(|ring| match &ring.coming {
            Some(coming) if Arc::ptr_eq(coming, keys) => Ring {
                current: keys.clone(),
                previous: Some(Previous {
                    keys: ring.current.clone(),
                    until,
                }),
                coming: None,
            },
            // A newer key was accepted meanwhile.
            _ => Ring::clone(ring),
        });
    }

    /// Signs a session's secret, for the cookie.
    pub fn sign(&self, secret: &str) -> String {
        let signature = hmac::sign(&self.ring.load().current.cookie, secret.as_bytes());
        format!("{}{secret}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Which of our keys signed this, if one did. A forged cookie is rejected here, without a query.
    pub fn verify(&self, signed: &str) -> Option<MadeWith> {
        let (signature, secret) = signed.split_at_checked(PART_LEN)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.first(|keys| {
            let verified = hmac::verify(&keys.cookie, secret.as_bytes(), &signature);
            verified.is_ok().then_some(())
        })
        .map(|((), made_with)| made_with)
    }

    /// Seals `plain` for `place` with the key for that `purpose`.
    pub fn seal(&self, purpose: fn(&Keys) -> &SealingKey, place: &str, plain: Vec<u8>) -> String {
        purpose(&self.ring.load().current).seal(place, plain)
    }

    /// Opens what one of our keys sealed.
    pub fn open(
        &self,
        purpose: fn(&Keys) -> &SealingKey,
        place: &str,
        sealed: &str,
    ) -> Option<(Vec<u8>, MadeWith)> {
        self.first(|keys| purpose(keys).open(place, sealed))
    }

    /// Opens into the beginning of `buffer` what one of our keys sealed, and returns its length. It allocates nothing.
    pub fn open_into(
        &self,
        purpose: fn(&Keys) -> &SealingKey,
        place: &str,
        sealed: &str,
        buffer: &mut [u8],
    ) -> Option<usize> {
        let ring = self.ring.load();
        let previous = self.previous(&ring);
        let others = [previous.as_deref(), ring.coming.as_deref()];
        let all = std::iter::once(&*ring.current).chain(others.into_iter().flatten());
        all.into_iter()
            .find_map(|keys| purpose(keys).open_into(place, sealed, buffer))
    }

    /// Acts with the key that signs for apps: one that every process publishes by now.
    pub fn with_identity_key<T>(&self, act: impl FnOnce(&IdentityKey) -> T) -> T {
        act(&self.ring.load().current.identity)
    }

    /// What apps verify signatures with: of each key that is in use, also of the coming one, which another process may sign
    /// with already.
    pub fn identity_keys(&self) -> Vec<PublicKey> {
        let ring = self.ring.load();
        let previous = self.previous(&ring);
        let others = [ring.coming.as_ref(), previous.as_ref()];
        let all = std::iter::once(&ring.current).chain(others.into_iter().flatten());
        all.map(|keys| keys.identity.public().clone()).collect()
    }

    /// The result of the first key with which `find` finds something.
    fn first<T>(&self, find: impl Fn(&Keys) -> Option<T>) -> Option<(T, MadeWith)> {
        let ring = self.ring.load();
        let current = |found| (found, MadeWith::Current);
        let retired = |found| (found, MadeWith::Retired);
        find(&ring.current)
            .map(current)
            .or_else(|| find(&*self.previous(&ring)?).map(retired))
            .or_else(|| find(ring.coming.as_deref()?).map(current))
    }

    /// The previous key. It is dropped when its time is over.
    fn previous(&self, ring: &Ring) -> Option<Arc<Keys>> {
        let Previous { keys, until } = ring.previous.as_ref()?;
        if until.is_none_or(|until| self.clock.now() < until) {
            return Some(keys.clone());
        }
        self.ring.rcu(|ring| {
            let mut ring = Ring::clone(ring);
            ring.previous
                .take_if(|previous| Arc::ptr_eq(&previous.keys, keys));
            ring
        });
        None
    }
}

/// A key that opens and does not seal yet.
pub struct Coming(Arc<Keys>);

/// The session's secret in what [`KeyRing::sign`] made.
pub fn secret_of(signed: &str) -> &str {
    signed.get(PART_LEN..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
