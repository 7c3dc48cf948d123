//! Which keys count just now: one that signs and seals, and up to two more that only open. `SESSION_KEY`
//! can thus be rotated while everybody stays signed in.
//!
//! A key that comes at run time opens at once and seals later: until then other processes may not
//! have read it, and could not open what was sealed with it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretSlice;
use time::OffsetDateTime;

use super::keys::{Keys, SealingKey};
use crate::clock::Clock;

/// How long a signature is, and a session's secret, as text: 32 bytes each.
const PART_LEN: usize = 43;

/// How long a session's secret is with its signature.
pub const SIGNED_LEN: usize = 2 * PART_LEN;

/// The keys that count. Cheap to ask, replaced as a whole.
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
    /// When it has gone; nothing is when the process ends, as long as the settings name it.
    until: Option<OffsetDateTime>,
}

/// How long the key will open what was made with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeWith {
    /// It is the current one, or comes after that.
    Current,
    /// It is the previous one: what was made with it is to be made anew.
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

    /// From now on `key` opens too. The answer is for [`KeyRing::promote`].
    pub fn accept(&self, key: &SecretSlice<u8>) -> Coming {
        let keys = Arc::new(Keys::derive(key));
        self.ring.rcu(|ring| Ring {
            coming: Some(keys.clone()),
            ..Ring::clone(ring)
        });
        Coming(keys)
    }

    /// From now on the key that was accepted signs and seals, and the current one becomes the previous, which opens for
    /// `lifetime`.
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
            // Another one came meanwhile.
            _ => Ring::clone(ring),
        });
    }

    /// Signs a session's secret, for the cookie.
    pub fn sign(&self, secret: &str) -> String {
        let signature = hmac::sign(&self.ring.load().current.cookie, secret.as_bytes());
        format!("{}{secret}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Whether one of our keys signed this, so that a made-up cookie costs no query.
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

    /// What the first key finds that finds anything.
    fn first<T>(&self, find: impl Fn(&Keys) -> Option<T>) -> Option<(T, MadeWith)> {
        let ring = self.ring.load();
        let stays = |found| (found, MadeWith::Current);
        let goes = |found| (found, MadeWith::Retired);
        find(&ring.current)
            .map(stays)
            .or_else(|| find(&*self.previous(&ring)?).map(goes))
            .or_else(|| find(ring.coming.as_deref()?).map(stays))
    }

    /// The previous key, which is forgotten when its time is over.
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
mod tests {
    use super::*;

    fn key(seed: u8) -> SecretSlice<u8> {
        SecretSlice::from(vec![seed; 64])
    }

    const LIFETIME: Duration = Duration::from_secs(3600);

    fn ring(current: u8, previous: Option<u8>) -> KeyRing {
        let previous = previous.map(key);
        KeyRing::new(&key(current), previous.as_ref(), Clock::default())
    }

    fn sealed_by(ring: &KeyRing) -> (String, String) {
        let signed = ring.sign(&crate::random::secret());
        (
            signed,
            ring.seal(|keys| &keys.sessions, "here", b"state".to_vec()),
        )
    }

    fn opened(ring: &KeyRing, (signed, sealed): &(String, String)) -> Option<MadeWith> {
        let row = ring.open(|keys| &keys.sessions, "here", sealed);
        let (cookie, row) = (ring.verify(signed), row.map(|(_, made_with)| made_with));
        assert_eq!(cookie, row, "cookies and rows go together");
        cookie
    }

    #[test]
    fn the_previous_key_opens_and_does_not_seal() {
        let (old, new) = (ring(1, None), ring(2, None));
        let both = ring(2, Some(1));
        assert_eq!(opened(&both, &sealed_by(&old)), Some(MadeWith::Retired));
        assert_eq!(opened(&both, &sealed_by(&new)), Some(MadeWith::Current));
        assert_eq!(opened(&new, &sealed_by(&both)), Some(MadeWith::Current));
        assert_eq!(opened(&old, &sealed_by(&both)), None);
        assert_eq!(opened(&new, &sealed_by(&old)), None);
    }

    #[test]
    fn a_key_that_comes_opens_at_once_and_seals_later() {
        let (old, new) = (ring(1, None), ring(2, None));
        let rotating = ring(1, None);
        let coming = rotating.accept(&key(2));
        assert_eq!(opened(&old, &sealed_by(&rotating)), Some(MadeWith::Current));
        assert_eq!(
            opened(&rotating, &sealed_by(&new)),
            Some(MadeWith::Current),
            "or two processes would make it anew in turns"
        );
        rotating.promote(&coming, LIFETIME);
        assert_eq!(opened(&new, &sealed_by(&rotating)), Some(MadeWith::Current));
        assert_eq!(opened(&rotating, &sealed_by(&old)), Some(MadeWith::Retired));
    }

    #[test]
    fn of_two_that_come_the_later_counts_and_after_two_rotations_the_first_key_opens_nothing() {
        let rings = [1, 2, 3].map(|seed| ring(seed, None));
        let rotating = ring(1, None);
        let (second, third) = (rotating.accept(&key(2)), rotating.accept(&key(3)));
        rotating.promote(&second, LIFETIME);
        assert_eq!(
            opened(&rotating, &sealed_by(&rings[0])),
            Some(MadeWith::Current)
        );
        rotating.promote(&third, LIFETIME);
        assert_eq!(
            opened(&rotating, &sealed_by(&rings[2])),
            Some(MadeWith::Current)
        );
        let again = rotating.accept(&key(2));
        rotating.promote(&again, LIFETIME);
        assert_eq!(opened(&rotating, &sealed_by(&rings[0])), None);
    }

    #[test]
    fn nothing_made_up_is_taken_for_signed() {
        let signing = ring(1, Some(2));
        let secret = crate::random::secret();
        let signed = signing.sign(&secret);
        assert_eq!(secret_of(&signed), secret);
        assert!(signing.verify(&signed).is_some());
        let other = format!("{}{}", &signed[..PART_LEN], crate::random::secret());
        let mut flipped = signed.clone().into_bytes();
        flipped[0] ^= 1;
        let flipped = String::from_utf8(flipped).unwrap();
        let forged = [
            "",
            &secret,
            &signed[1..],
            &signed[..PART_LEN],
            &other,
            &flipped,
            &signed[..signed.len() - 1],
            &format!("{signed}x"),
            &"é".repeat(43),
            &"=".repeat(86),
        ];
        for forged in forged {
            assert_eq!(signing.verify(forged), None, "{forged}");
        }
    }
}
