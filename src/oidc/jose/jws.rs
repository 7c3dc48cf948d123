//! Signed JSON in the compact form of RFC 7515: a token, keys and an expectation in, a payload out. Everything that a
//! provider signs is verified here and nowhere else. The caller judges the claims in the payload.

mod error;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use crate::oidc::jose::algorithm;
use crate::oidc::jose::json::{self, Object};
use crate::oidc::jose::key_set::{Choice, KeySet};
use crate::oidc::jose::typ::Typ;
pub use error::JwsError;

/// The members of the JOSE header that are read (RFC 7515, 4). `jwk`, `jku`, `x5u` and `x5c` are not: the only keys are
/// those that the issuer publishes.
const HEADER: [&str; 4] = ["alg", "kid", "typ", "crit"];

/// What the header of a token must say.
pub struct Expected<'a> {
    /// The algorithms that may have signed it.
    pub algs: &'a [Algorithm],
    /// What it says that it is.
    pub typ: Typ,
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
    if !expected.typ.fits(typ.as_deref()) {
        let (found, expected) = (typ, expected.typ);
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

#[cfg(test)]
mod tests;
