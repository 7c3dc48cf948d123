//! Signed JSON (RFC 7515, compact): whose signature counts, and reading what is signed only after it
//! has counted. ID tokens and signed userinfo go through here.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::verify;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::json::{self, not_null};
use super::keys::{Choice, KeySet, asymmetric};

/// The JOSE header (RFC 7515, 4). `jwk`, `jku`, `x5u` and `x5c` are not even read: the only keys are
/// those that the issuer publishes.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "not_null")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    crit: Option<IgnoredAny>,
}

/// Why something is not signed JSON of the provider's.
#[derive(Clone, Debug, PartialEq)]
pub enum JwsError {
    /// Not three parts, not base64url, not JSON, a claim missing or of a wrong type.
    Malformed(String),
    /// `crit` asks for an extension, and we know none (RFC 7515, 4.1.11).
    Critical,
    /// `typ` says that it is another kind of token.
    Type(String),
    /// `alg` is not allowed.
    Algorithm(String),
    /// No published key is called so. The one refusal that newer keys may turn.
    UnknownKey(Option<String>),
    /// It names no key and several could be meant.
    AmbiguousKey,
    /// The signature is not the key's.
    Signature,
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(cause) => write!(f, "malformed: {cause}"),
            Self::Critical => f.write_str("it has critical header parameters"),
            Self::Type(typ) => write!(f, "its typ is {typ:?}, expected \"JWT\""),
            Self::Algorithm(alg) => write!(
                f,
                "its alg is {alg:?}, which neither discovery nor OIDC_ID_TOKEN_ALGS allows"
            ),
            Self::UnknownKey(kid) => write!(f, "no published key has the kid {kid:?}"),
            Self::AmbiguousKey => f.write_str("it has no kid and several keys are published"),
            Self::Signature => f.write_str("its signature is wrong"),
        }
    }
}

/// The claims of `token`, if one of `keys` signed it with one of `algs`; and with which.
pub fn verified<T: DeserializeOwned>(
    token: &str,
    keys: &KeySet,
    algs: &[Algorithm],
) -> Result<(T, Algorithm), JwsError> {
    // An encrypted token has five parts and is refused here; we never ask for one.
    let [header, payload, signature] = token
        .split('.')
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| JwsError::Malformed("it has not three parts".to_owned()))?;
    let alg = verify_signature(header, payload, signature, keys, algs)?;
    Ok((part(payload)?, alg))
}

fn verify_signature(
    header: &str,
    payload: &str,
    signature: &str,
    keys: &KeySet,
    algs: &[Algorithm],
) -> Result<Algorithm, JwsError> {
    let parsed: Header = part(header)?;
    if parsed.crit.is_some() {
        return Err(JwsError::Critical);
    }
    // RFC 8725, 3.11: a logout token or an access token must not pass for an ID token.
    if let Some(typ) = parsed.typ.filter(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(JwsError::Type(typ));
    }
    // Only what is allowed, which is never `none` nor anything with a shared secret.
    let alg = asymmetric(&parsed.alg)
        .filter(|alg| algs.contains(alg))
        .ok_or(JwsError::Algorithm(parsed.alg))?;
    let candidates = match keys.choose(parsed.kid.as_deref(), alg) {
        Choice::Keys(candidates) => candidates,
        Choice::Unknown => return Err(JwsError::UnknownKey(parsed.kid)),
        Choice::Ambiguous => return Err(JwsError::AmbiguousKey),
    };
    let message = format!("{header}.{payload}");
    candidates
        .into_iter()
        .any(|key| verify(signature, message.as_bytes(), key, alg).unwrap_or(false))
        .then_some(alg)
        .ok_or(JwsError::Signature)
}

fn part<T: DeserializeOwned>(encoded: &str) -> Result<T, JwsError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| JwsError::Malformed("a part is not base64url".to_owned()))?;
    json::object(&bytes).map_err(JwsError::Malformed)
}
