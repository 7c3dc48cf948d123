//! Values that can't be guessed, from the operating system's generator through aws-lc.

use aws_lc_rs::{constant_time, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("aws-lc aborts rather than return when it has no entropy");
    bytes
}

/// A secret of 256 bits as 43 characters that are safe in a URL, a cookie's name and its value.
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// A name of 128 bits as 22 URL-safe characters: unique, but not a secret. It does not begin with a
/// hyphen, so a command line does not read it as an option.
pub fn id() -> String {
    loop {
        let id = URL_SAFE_NO_PAD.encode(bytes::<16>());
        if !id.starts_with('-') {
            return id;
        }
    }
}

/// Whether two secrets are the same. The time that it takes reveals at most whether their lengths differ.
pub fn is_same(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_looks_like_an_option() {
        assert!((0..10_000).all(|_| id().len() == 22 && !id().starts_with('-')));
    }
}
