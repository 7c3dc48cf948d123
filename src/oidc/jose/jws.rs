//! Signed JSON in the compact form of RFC 7515: a token, keys and an expectation in, a payload out. Everything that a
//! provider signs is verified here and nowhere else. The caller judges the claims in the payload.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use crate::oidc::jose::algorithm;
use crate::oidc::jose::json::{self, Object, quoted};
use crate::oidc::jose::key_set::{Choice, KeySet};

/// The members of the JOSE header that are read (RFC 7515, 4). `jwk`, `jku`, `x5u` and `x5c` are not: the only keys are
/// those that the issuer publishes.
const HEADER: [&str; 4] = ["alg", "kid", "typ", "crit"];

/// What the header of a token must say.
pub struct Expected<'a> {
    /// The algorithms that may have signed it.
    pub algs: &'a [Algorithm],
    /// Its `typ`, such as `JWT` or `logout+jwt`, in any case (RFC 8725, 3.11: so that one kind of token never passes
    /// for another). A token without `typ` passes, since most providers do not send it: its claims must decide.
    pub typ: &'static str,
}

/// A payload whose signature was verified. Only [`verify`] makes one.
#[derive(Debug)]
pub struct Verified {
    payload: Vec<u8>,
    alg: Algorithm,
}

impl Verified {
    /// What was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// With what it was signed.
    pub fn alg(&self) -> Algorithm {
        self.alg
    }
}

/// Verifies `token` (RFC 7515, 5.2).
///
/// # Errors
/// The first check that fails. See [`JwsError::may_be_rotation`] for when newer keys may help.
pub fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Verified, JwsError> {
    // An encrypted token has five parts and is rejected here; Doorward never asks for one.
    let [header, payload, signature] = token
        .split('.')
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| JwsError::Malformed("it does not have three parts".to_owned()))?;
    let (alg, kid) = check_header(&decode(header)?, expected)?;
    let message = format!("{header}.{payload}");
    candidates(keys, kid.as_deref(), alg)?
        .into_iter()
        .any(|key| crypto::verify(signature, message.as_bytes(), key, alg).unwrap_or(false))
        .then_some(())
        .ok_or(JwsError::Signature {
            has_kid: kid.is_some(),
        })?;
    Ok(Verified {
        payload: decode(payload)?,
        alg,
    })
}

/// The algorithm and the `kid` of a header that says what it must.
fn check_header(
    header: &[u8],
    expected: &Expected<'_>,
) -> Result<(Algorithm, Option<String>), JwsError> {
    let header = Object::read(header, &HEADER);
    let header = header.map_err(JwsError::Malformed)?.called("its header");
    if header.has("crit") {
        return Err(JwsError::Critical);
    }
    let text = |name| header.optional(name, "a string", json::text);
    let found = header.text("alg").map_err(JwsError::Header)?;
    let kid = text("kid").map_err(JwsError::Header)?;
    let typ = text("typ").map_err(JwsError::Header)?;
    if let Some(found) = typ.filter(|typ| !typ.eq_ignore_ascii_case(expected.typ)) {
        let expected = expected.typ;
        return Err(JwsError::Type { found, expected });
    }
    let Some(alg) = algorithm::allowed(&found) else {
        return Err(JwsError::UnsupportedAlgorithm(found));
    };
    if !expected.algs.contains(&alg) {
        let expected = expected.algs.to_vec();
        return Err(JwsError::Algorithm { found, expected });
    }
    Ok((alg, kid))
}

fn candidates<'a>(
    keys: &'a KeySet,
    kid: Option<&str>,
    alg: Algorithm,
) -> Result<Vec<&'a DecodingKey>, JwsError> {
    match (keys.choose(kid, alg), kid) {
        (Choice::Keys(candidates), _) => Ok(candidates),
        (Choice::Ambiguous, _) => Err(JwsError::AmbiguousKey),
        (Choice::Unknown, None) => Err(JwsError::NoKey(alg)),
        (Choice::Unknown, Some(kid)) => {
            let why = keys.why_unusable(kid, alg);
            let kid = kid.to_owned();
            Err(match why {
                Some(why) => JwsError::UnusableKey { kid, why },
                None => JwsError::UnknownKey(kid),
            })
        }
    }
}

/// The `kid` of `token`, which is not verified.
pub fn unverified_kid(token: &str) -> Option<String> {
    let (header, _) = token.split_once('.')?;
    let header = Object::read(&decode(header).ok()?, &HEADER).ok()?;
    header.lenient("kid", json::text)
}

fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| JwsError::Malformed("a part is not base64url".to_owned()))
}

/// Why a token was not verified.
#[derive(Clone, Debug, PartialEq)]
pub enum JwsError {
    /// It does not have three parts, or one is not base64url, or the header is not JSON.
    Malformed(String),
    /// A member of its header is missing or of a wrong type.
    Header(String),
    /// `crit` asks for an extension, and we know none (RFC 7515, 4.1.11).
    Critical,
    /// `typ` says that it is another kind of token.
    Type {
        /// What it says.
        found: String,
        /// What it should say.
        expected: &'static str,
    },
    /// `alg` is one that Doorward verifies, but not one of those that are expected.
    Algorithm {
        /// What it says.
        found: String,
        /// What may have signed.
        expected: Vec<Algorithm>,
    },
    /// `alg` is one that Doorward never verifies.
    UnsupportedAlgorithm(String),
    /// No published key has its `kid`.
    UnknownKey(String),
    /// Keys with its `kid` are published, but none is usable.
    UnusableKey {
        /// Their `kid`.
        kid: String,
        /// Why each of them is not usable.
        why: String,
    },
    /// It has no `kid`, and no key is published for its `alg`.
    NoKey(Algorithm),
    /// It has no `kid`, and several keys are published for its `alg`.
    AmbiguousKey,
    /// The signature is wrong.
    Signature {
        /// Whether the token has a `kid`, and so said which key to use.
        has_kid: bool,
    },
}

impl JwsError {
    /// Whether newer keys may help: the token names a key that we do not have, or names none and those that we have
    /// do not fit (OpenID Connect Core 10.1.1).
    pub fn may_be_rotation(&self) -> bool {
        match self {
            JwsError::UnknownKey(_)
            | JwsError::UnusableKey { .. }
            | JwsError::NoKey(_)
            | JwsError::AmbiguousKey
            | JwsError::Signature { has_kid: false } => true,
            JwsError::Malformed(_)
            | JwsError::Header(_)
            | JwsError::Critical
            | JwsError::Type { .. }
            | JwsError::Algorithm { .. }
            | JwsError::UnsupportedAlgorithm(_)
            | JwsError::Signature { has_kid: true } => false,
        }
    }
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(cause) => write!(f, "malformed: {cause}"),
            Self::Header(cause) => f.write_str(cause),
            Self::Critical => f.write_str("it has critical header parameters"),
            Self::Type { found, expected } => {
                write!(f, "its typ is {}, expected {expected:?}", quoted(found))
            }
            Self::Algorithm { found, expected } => {
                let (found, expected) = (quoted(found), algorithm::list(expected));
                write!(f, "its alg is {found}, expected {expected}")
            }
            Self::UnsupportedAlgorithm(found) => {
                let found = quoted(found);
                write!(f, "its alg is {found}, which Doorward does not verify")
            }
            Self::UnknownKey(kid) => write!(f, "no published key has the kid {}", quoted(kid)),
            Self::UnusableKey { kid, why } => {
                let kid = quoted(kid);
                write!(
                    f,
                    "the key with the kid {kid} is published, but can't be used: {why}"
                )
            }
            Self::NoKey(alg) => write!(f, "it has no kid, and no key for {alg:?} is published"),
            Self::AmbiguousKey => f.write_str("it has no kid and several keys are published"),
            Self::Signature { .. } => f.write_str("its signature is wrong"),
        }
    }
}

impl std::error::Error for JwsError {}

#[cfg(test)]
mod tests;
