//! The allow list of signature algorithms: an algorithm that [`ALLOWED`] lacks is never used. The settings and discovery
//! can only narrow the list.

use jsonwebtoken::Algorithm;

/// What kind of key an algorithm needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyKind {
    /// RSA (RFC 7518, 6.3).
    Rsa,
    /// The elliptic curve P-256 (RFC 7518, 6.2).
    P256,
    /// The elliptic curve P-384 (RFC 7518, 6.2).
    P384,
    /// Ed25519 (RFC 8037, 2).
    Ed25519,
}

/// Every algorithm that Doorward verifies, its names (RFC 7518, 3.1; RFC 8037, 3.1) and the kind of its key. All are
/// asymmetric: no `none`, and no HMAC, with which every verifier could also sign (RFC 8725, 3.1 and 3.2).
const ALLOWED: [(Algorithm, &[&str], KeyKind); 9] = [
    (Algorithm::RS256, &["RS256"], KeyKind::Rsa),
    (Algorithm::RS384, &["RS384"], KeyKind::Rsa),
    (Algorithm::RS512, &["RS512"], KeyKind::Rsa),
    (Algorithm::PS256, &["PS256"], KeyKind::Rsa),
    (Algorithm::PS384, &["PS384"], KeyKind::Rsa),
    (Algorithm::PS512, &["PS512"], KeyKind::Rsa),
    (Algorithm::ES256, &["ES256"], KeyKind::P256),
    (Algorithm::ES384, &["ES384"], KeyKind::P384),
    // RFC 9864, 2.2, gives EdDSA over Ed25519 a name of its own.
    (Algorithm::EdDSA, &["EdDSA", "Ed25519"], KeyKind::Ed25519),
];

/// The algorithm called `name`, if it is allowed. Names are case-sensitive.
pub fn allowed(name: &str) -> Option<Algorithm> {
    let found = ALLOWED.iter().find(|(_, names, _)| names.contains(&name));
    found.map(|(alg, ..)| *alg)
}

/// Those of `names` that are allowed.
pub fn allowed_of(names: &[String]) -> Vec<Algorithm> {
    names.iter().filter_map(|name| allowed(name)).collect()
}

/// All that are allowed.
pub fn all() -> Vec<Algorithm> {
    ALLOWED.iter().map(|(alg, ..)| *alg).collect()
}

/// All that are allowed with a key of this kind.
pub fn for_key(kind: KeyKind) -> Vec<Algorithm> {
    let fitting = ALLOWED.iter().filter(|(_, _, key)| *key == kind);
    fitting.map(|(alg, ..)| *alg).collect()
}

/// For errors: `RS256 ES256`, or that there are none.
pub fn list(algs: &[Algorithm]) -> String {
    match algs {
        [] => "none: Doorward verifies none of those that are named".to_owned(),
        algs => {
            let names: Vec<String> = algs.iter().map(|alg| format!("{alg:?}")).collect();
            names.join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8725 3.2
    #[test]
    fn no_shared_secret_and_no_missing_signature_counts() {
        for name in ["none", "None", "HS256", "HS512", "rs256", ""] {
            assert_eq!(allowed(name), None, "{name}");
        }
    }

    #[test]
    fn an_algorithm_is_known_by_each_of_its_names() {
        for (name, alg) in [
            ("RS256", Algorithm::RS256),
            ("PS512", Algorithm::PS512),
            ("ES384", Algorithm::ES384),
            ("EdDSA", Algorithm::EdDSA),
            ("Ed25519", Algorithm::EdDSA),
        ] {
            assert_eq!(allowed(name), Some(alg));
        }
        assert_eq!(all().len(), 9);
        for alg in all() {
            assert_eq!(allowed(&format!("{alg:?}")), Some(alg));
        }
    }

    #[test]
    fn no_algorithm_is_for_two_kinds_of_key() {
        let kinds = [KeyKind::Rsa, KeyKind::P256, KeyKind::P384, KeyKind::Ed25519];
        let of_kinds = kinds.map(|kind| for_key(kind).len());
        assert_eq!(of_kinds, [6, 1, 1, 1]);
    }
}
