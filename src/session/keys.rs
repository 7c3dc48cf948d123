//! The keys that are derived from `SESSION_KEY`, one for each use, and sealing with them.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{Engine, decoded_len_estimate};
use secrecy::{ExposeSecret, SecretSlice};

use super::identity_key::IdentityKey;

/// What is derived from `SESSION_KEY` (HKDF, RFC 5869).
pub struct Keys {
    /// Signs the session cookie, so that a forged one costs no query.
    pub cookie: hmac::Key,
    /// Seals the cookie of an attempt to sign in.
    pub attempts: SealingKey,
    /// Seals what a session row holds.
    pub sessions: SealingKey,
    /// Seals handovers to apps.
    pub handovers: SealingKey,
    /// Seals the cookies of apps' sessions.
    pub app_sessions: SealingKey,
    /// Signs who a visitor is, for apps.
    pub identity: IdentityKey,
}

impl Keys {
    /// Derives the keys.
    pub fn derive(session_key: &SecretSlice<u8>) -> Self {
        let root =
            hkdf::Salt::new(hkdf::HKDF_SHA256, b"doorward").extract(session_key.expose_secret());
        Keys {
            cookie: hmac::Key::new(hmac::HMAC_SHA256, &expand::<64>(&root, b"session cookie")),
            attempts: SealingKey::new(&expand(&root, b"attempt cookie")),
            sessions: SealingKey::new(&expand(&root, b"session row")),
            handovers: SealingKey::new(&expand(&root, b"handover")),
            app_sessions: SealingKey::new(&expand(&root, b"app session")),
            identity: IdentityKey::first_of(
                (0..=u8::MAX).map(|number| {
                    expand(&root, &[b"identity token ".as_slice(), &[number]].concat())
                }),
            ),
        }
    }
}

fn expand<const N: usize>(root: &hkdf::Prk, purpose: &[u8]) -> [u8; N] {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut key = [0; N];
    root.expand(&[purpose], Length(N))
        .and_then(|okm| okm.fill(&mut key))
        .expect("64 bytes are far below the 8160 that HKDF-SHA256 can give");
    key
}

/// Encrypts and authenticates (AES-256-GCM, fresh nonces). What is sealed for one `place` can't be
/// opened for another.
pub struct SealingKey(RandomizedNonceKey);

impl SealingKey {
    fn new(key: &[u8; 32]) -> Self {
        SealingKey(RandomizedNonceKey::new(&AES_256_GCM, key).expect("the key has 256 bits"))
    }

    /// Seals `plain` for `place`, as URL-safe text.
    pub fn seal(&self, place: &str, plain: Vec<u8>) -> String {
        let mut sealed = plain;
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut sealed)
            .expect("a few KiB are far below AES-GCM's limit");
        sealed.extend_from_slice(nonce.as_ref());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Opens what was sealed for `place`; nothing if it was not, or not with this key.
    pub fn open(&self, place: &str, sealed: &str) -> Option<Vec<u8>> {
        let mut buffer = vec![0; decoded_len_estimate(sealed.len())];
        let plain_len = self.open_into(place, sealed, &mut buffer)?;
        buffer.truncate(plain_len);
        Some(buffer)
    }

    /// Opens what was sealed for `place` into the beginning of `buffer`, and returns its length; nothing too if it does not fit.
    pub fn open_into(&self, place: &str, sealed: &str, buffer: &mut [u8]) -> Option<usize> {
        let len = URL_SAFE_NO_PAD.decode_slice(sealed, buffer).ok()?;
        let (sealed, nonce) = buffer[..len].split_at_mut(len.checked_sub(NONCE_LEN)?);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self
            .0
            .open_in_place(nonce, Aad::from(place.as_bytes()), sealed);
        Some(plain.ok()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(seed: u8) -> Keys {
        Keys::derive(&SecretSlice::from(vec![seed; 64]))
    }

    /// Core 15.5.2
    #[test]
    fn what_is_sealed_opens_in_its_place_with_its_key_only() {
        let sealed = keys(1).attempts.seal("here", b"hello".to_vec());
        assert_eq!(
            keys(1).attempts.open("here", &sealed),
            Some(b"hello".to_vec())
        );
        assert_eq!(keys(1).attempts.open("there", &sealed), None);
        assert_eq!(keys(1).sessions.open("here", &sealed), None);
        assert_eq!(keys(2).attempts.open("here", &sealed), None);
    }

    #[test]
    fn nothing_made_up_opens() {
        let sealed = keys(1).attempts.seal("here", b"hello".to_vec());
        let cut = &sealed[..sealed.len() - 1];
        for forged in ["", "A", "AAAA", "!", cut, &"A".repeat(100_000)] {
            assert_eq!(keys(1).attempts.open("here", forged), None);
        }
    }

    #[test]
    fn the_same_seals_differently_each_time() {
        let key = keys(1).attempts;
        assert_ne!(
            key.seal("here", b"hello".to_vec()),
            key.seal("here", b"hello".to_vec())
        );
    }
}
