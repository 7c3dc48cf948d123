//! What is sealed opens in its place, unchanged, and nowhere else.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use secrecy::SecretSlice;

use crate::session::keys::Keys;

static KEYS: LazyLock<Keys> =
    LazyLock::new(|| Keys::derive(&SecretSlice::from((0..64).collect::<Vec<u8>>())));

#[test]
fn a_sealed_text_with_any_one_byte_changed_does_not_open() {
    let sealed = KEYS
        .attempts
        .seal("here", b"state, nonce, verifier".to_vec());
    assert!(KEYS.attempts.open("here", &sealed).is_some());
    for at in 0..sealed.len() {
        for byte in 0..128 {
            let mut changed = sealed.clone().into_bytes();
            if changed[at] != byte {
                changed[at] = byte;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(KEYS.attempts.open("here", &changed), None, "{changed}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_sealed_opens_in_its_place_and_in_no_other(
        plain in vec(any::<u8>(), 0..300),
        place in any::<String>(),
        other in any::<String>(),
    ) {
        let sealed = KEYS.attempts.seal(&place, plain.clone());
        prop_assert_eq!(KEYS.attempts.open(&place, &sealed), Some(plain));
        prop_assert!(place == other || KEYS.attempts.open(&other, &sealed).is_none());
        prop_assert_eq!(KEYS.attempts.open(&format!("{place}x"), &sealed), None);
        prop_assert_eq!(KEYS.sessions.open(&place, &sealed), None);
    }

    #[test]
    fn a_sealed_text_with_another_byte_does_not_open(
        plain in vec(any::<u8>(), 0..300),
        at in any::<Index>(),
        byte in 0..128_u8,
        cut in any::<Index>(),
    ) {
        let sealed = KEYS.attempts.seal("here", plain);
        let at = at.index(sealed.len());
        let mut changed = sealed.clone().into_bytes();
        changed[at] = byte;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(changed == sealed || KEYS.attempts.open("here", &changed).is_none());
        prop_assert_eq!(KEYS.attempts.open("here", &sealed[..cut.index(sealed.len())]), None);
    }

    #[test]
    fn nothing_made_up_opens(text: String, base64url in "[A-Za-z0-9_-]{0,200}") {
        prop_assert_eq!(KEYS.attempts.open("here", &text), None);
        prop_assert_eq!(KEYS.attempts.open("here", &base64url), None);
    }
}
