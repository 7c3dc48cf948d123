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
    /// No published key is called so.
    UnknownKey(Option<String>),
    /// It names no key and several could be meant.
    AmbiguousKey,
    /// The signature is not the key's, which the token named or not.
    Signature {
        /// Whether it has a `kid`.
        key_is_named: bool,
    },
}

impl JwsError {
    /// Whether newer keys may turn the refusal: it names one that we do not have, or names none and
    /// the one that we have, or those, do not do.
    pub fn may_be_rotation(&self) -> bool {
        matches!(
            self,
            JwsError::UnknownKey(_)
                | JwsError::AmbiguousKey
                | JwsError::Signature {
                    key_is_named: false
                }
        )
    }
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
            Self::Signature { .. } => f.write_str("its signature is wrong"),
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
        .ok_or(JwsError::Signature {
            key_is_named: parsed.kid.is_some(),
        })
}

fn part<T: DeserializeOwned>(encoded: &str) -> Result<T, JwsError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| JwsError::Malformed("a part is not base64url".to_owned()))?;
    json::object(&bytes).map_err(JwsError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_is_refused() {
        let keys = KeySet::parse(br#"{"keys":[]}"#).unwrap();
        let header = URL_SAFE_NO_PAD.encode(b"{\"alg\":\"RS\xff256\"}");
        let judged = verified::<serde_json::Value>(&format!("{header}.e30.AA"), &keys, &[]);
        assert!(matches!(judged, Err(JwsError::Malformed(_))));
    }

    /// RFC 7518, 3.3. Both signatures are right, of `{"alg":"RS256"}` and `{}`.
    #[test]
    fn a_key_below_2048_bits_verifies_nothing() {
        let bits_1024 = (
            "zkMxvNtPQXUBAoO_hfxSazYKD3UF1OoiIXlxSkzbUU1Z08iNYlg2HRmgL2XfsFASsw0p93irEkC4iiGH\
             s4_AdMUc3wX_uLmjKU8Fk5mFcRnlK9ZBnki-\
             t1L_bQsaqqFLdGjeUmDoHk8BVDnTBLCnnK7ei2UI9oHBUKXIgStJVm8",
            "L9oX0rXWOrjiEf_rnZqjLMnDMm_RFfyuVlNzfOjy4Z5JsLEY2wrreDkm5x85qoKpqLx31CtXEGrUY2Aj\
             EiSbsOo_IjxOy0tYilErFIuP0s8tT33z1hlhbkhzYf9ZgLlJkkSuDM2a4BxmKHCWE-\
             G69CYDTTHJMlfcTjzOwXBhENQ",
        );
        let bits_2048 = (
            "tQ4SO-MOJsmOzzYPyuTgaEwBrUPUyEhYrSEfb_ENbST3_8bLBQ1TqrbN6eYcfyVoyZ6aTuS7CF9BNEC_\
             LsRtaR6V_s95OFjFD1VDu-rfRx334N8EJFeEZYhozO6wqwHn37GS8dvJ2GaaNoNwJvSej0a_mNo9qQVO\
             KZN8YvrBstX_COW5cUv2scBXy-WAMHiiwowh4j2xRx5CsjrNm2-\
             MzZR1sW1JKw3UjDKM4rW_UwJsrClCgvcJDn0YkHMkhDBJFSgcV6dQaLKDFGMZSgzsvuONAI475lRrcrJ\
             GMpnYHNoIJCtC2bQTkLtTpdPQLYCQqYZmFJFtnq94rXdIGx_e1Q",
            "gTvV3FuGRmBcFvN2z0oVao5rpcKl2vxZjSo72bXQAicUuyrun1EnhvMVgswc9mPNBtmiHMvOd8jIYlb_\
             9mNaXJOlMH0HqCpGWWv-cF1e49pgCzz4FBeaINNspeCi8U9KBY_Zs4IXNajzauLl5pULmZVXWlKUrEFw\
             JJfumFQZUkxY6Qd0Gv5sVc6rHd09t0mBAOKxSZLBeP76oimSI_IWDlZBxbSgmB6PycX_G3nOWS-WWuu1\
             dTarJszy7fdePSwk1wqijYQ6DXihANy6BQYAl2B9nHBH1tLoO_N9-\
             YMqdiiCnmOCPCbXUCpWUkZ_73wvf6U_uOUOS945JgXL1zlCQg",
        );
        for ((modulus, signature), accepted) in [(bits_1024, false), (bits_2048, true)] {
            let keys = format!(r#"{{"keys":[{{"kty":"RSA","e":"AQAB","n":"{modulus}"}}]}}"#);
            let keys = KeySet::parse(keys.as_bytes()).unwrap();
            let token = format!("eyJhbGciOiJSUzI1NiJ9.e30.{signature}");
            let judged = verified::<serde_json::Value>(&token, &keys, &[Algorithm::RS256]);
            assert_eq!(judged.is_ok(), accepted, "{judged:?}");
        }
    }

    #[test]
    fn newer_keys_are_asked_for_when_they_may_help_and_the_log_says_what_is_wrong() {
        for (error, may_be_rotation, text) in [
            (
                JwsError::UnknownKey(Some("b".to_owned())),
                true,
                "no published key has the kid Some(\"b\")",
            ),
            (
                JwsError::AmbiguousKey,
                true,
                "it has no kid and several keys are published",
            ),
            (
                JwsError::Signature {
                    key_is_named: false,
                },
                true,
                "its signature is wrong",
            ),
            (
                JwsError::Signature { key_is_named: true },
                false,
                "its signature is wrong",
            ),
            (
                JwsError::Critical,
                false,
                "it has critical header parameters",
            ),
            (
                JwsError::Algorithm("none".to_owned()),
                false,
                "its alg is \"none\", which neither discovery nor OIDC_ID_TOKEN_ALGS allows",
            ),
        ] {
            assert_eq!(error.may_be_rotation(), may_be_rotation, "{error}");
            assert_eq!(error.to_string(), text);
        }
    }
}
