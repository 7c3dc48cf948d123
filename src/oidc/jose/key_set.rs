//! The keys that an issuer publishes (RFC 7517, 5), and which of them may verify a signature.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey};

use crate::oidc::jose::algorithm;
use crate::oidc::jose::json::{Object, quoted};
use crate::oidc::jose::jwk::{self, Key, Unused, Why};

/// The keys of one document, ready to verify.
pub struct KeySet {
    keys: Vec<Key>,
    /// The other ones, to say why they are not used.
    unused: Vec<Unused>,
}

/// Why a document is not a key set.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySetError(String);

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeySetError {}

/// Which key of the set may verify a signature.
pub enum Choice<'a> {
    /// One of these; several keys may have the same `kid` if they are of different types (RFC 7517, 4.5).
    Keys(Vec<&'a DecodingKey>),
    /// None has the `kid` and fits the algorithm.
    Unknown,
    /// The token has no `kid`, and several keys fit.
    Ambiguous,
}

impl KeySet {
    /// Reads a JSON Web Key Set (RFC 7517, 5). A key that can't be used is passed over.
    ///
    /// # Errors
    /// `json` is no object with an array `keys`.
    pub fn parse(json: &[u8]) -> Result<KeySet, KeySetError> {
        let published = Object::read(json, &["keys"]).and_then(|document| {
            document.required("keys", "an array", |keys| keys.as_array().cloned())
        });
        let (mut keys, mut unused) = (Vec::new(), Vec::new());
        for jwk in published.map_err(KeySetError)? {
            match jwk::read(jwk) {
                Ok(key) => keys.push(key),
                Err(other) => unused.push(other),
            }
        }
        Ok(KeySet { keys, unused })
    }

    /// The keys that may verify a token with this `kid` and `alg`. Where several fit, the token must have a `kid`
    /// (OpenID Connect Core 10.1).
    pub fn choose(&self, kid: Option<&str>, alg: Algorithm) -> Choice<'_> {
        let fits =
            |key: &&Key| key.algs.contains(&alg) && (kid.is_none() || key.kid.as_deref() == kid);
        let keys: Vec<_> = self.keys.iter().filter(fits).map(|key| &key.key).collect();
        match (keys.len(), kid) {
            (0, _) => Choice::Unknown,
            (1, _) | (_, Some(_)) => Choice::Keys(keys),
            (_, None) => Choice::Ambiguous,
        }
    }

    /// Why the keys with this `kid` do not verify `alg`; nothing if no key has this `kid`.
    pub fn why_unusable(&self, kid: &str, alg: Algorithm) -> Option<String> {
        let is_same = |name: &Option<String>| name.as_deref() == Some(kid);
        let for_other_algs = self.keys.iter().filter(|key| is_same(&key.kid)).map(|key| {
            let algs = algorithm::list(&key.algs);
            format!("it is for {algs}, not {alg:?}")
        });
        let unused = self.unused.iter().filter(|key| is_same(&key.kid));
        let mut reasons: Vec<String> = for_other_algs
            .chain(unused.map(|key| key.why.text().to_owned()))
            .collect();
        reasons.truncate(3);
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Whether a key with this `kid` is published, usable or not.
    pub fn has_kid(&self, kid: &str) -> bool {
        let usable = self.keys.iter().map(|key| &key.kid);
        let mut all = usable.chain(self.unused.iter().map(|key| &key.kid));
        all.any(|name| name.as_deref() == Some(kid))
    }

    /// Whether some key verifies `alg`.
    pub fn serves(&self, alg: Algorithm) -> bool {
        self.keys.iter().any(|key| key.algs.contains(&alg))
    }

    /// Whether some key that verifies `alg` has a `kid`.
    pub fn has_kid_for(&self, alg: Algorithm) -> bool {
        let mut with_kid = self.keys.iter().filter(|key| key.kid.is_some());
        with_kid.any(|key| key.algs.contains(&alg))
    }

    /// How many keys are usable.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// How many of the usable keys have no `kid`.
    pub fn count_without_kid(&self) -> usize {
        self.keys.iter().filter(|key| key.kid.is_none()).count()
    }

    /// The keys for signatures that are not what the standard says, each with the reason.
    pub fn invalid(&self) -> Vec<String> {
        let described = |key: &Unused| match (&key.why, &key.kid) {
            (Why::OtherPurpose(_), _) => None,
            (Why::Invalid(why), Some(kid)) => Some(format!("{}: {why}", quoted(kid))),
            (Why::Invalid(why), None) => Some(format!("one without kid: {why}")),
        };
        self.unused.iter().filter_map(described).collect()
    }
}

#[cfg(test)]
mod tests;
