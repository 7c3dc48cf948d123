//! Signed JSON (RFC 7515, compact): whose signature counts, and reading what is signed only after it
//! has counted. ID tokens and signed userinfo go through here.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::verify;

use crate::oidc::jose::json::{self, Object, quoted};
use crate::oidc::jose::key_set::{Choice, KeySet, asymmetric};

/// The members of the JOSE header that are read (RFC 7515, 4). `jwk`, `jku`, `x5u` and `x5c` are not: the only keys are
/// those that the issuer publishes.
const HEADER: [&str; 4] = ["alg", "kid", "typ", "crit"];

/// Why something is not signed JSON of the provider's.
#[derive(Clone, Debug, PartialEq)]
pub enum JwsError {
    /// Not three parts, not base64url, not JSON.
    Malformed(String),
    /// A member of its header, or a claim, is missing or of a wrong type.
    Member(String),
    /// `crit` asks for an extension, and we know none (RFC 7515, 4.1.11).
    Critical,
    /// `typ` says that it is another kind of token.
    Type(String),
    /// `alg` is one that we verify, but not one of those that are expected.
    Algorithm {
        /// What it is.
        found: String,
        /// What may sign.
        expected: Vec<Algorithm>,
    },
    /// `alg` is one that we never verify.
    UnsupportedAlgorithm(String),
    /// No published key is called so.
    UnknownKey(String),
    /// Keys of that name are published, but none can be used.
    UnusableKey {
        /// Their `kid`.
        kid: String,
        /// What keeps each of them from being used.
        why: String,
    },
    /// It names no key, and none is published for its `alg`.
    NoKey(Algorithm),
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
                | JwsError::UnusableKey { .. }
                | JwsError::NoKey(_)
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
            Self::Member(cause) => f.write_str(cause),
            Self::Critical => f.write_str("it has critical header parameters"),
            Self::Type(typ) => write!(f, "its typ is {}, expected \"JWT\"", quoted(typ)),
            Self::Algorithm { found, expected } => {
                write!(
                    f,
                    "its alg is {}, expected {}",
                    quoted(found),
                    names(expected)
                )
            }
            Self::UnsupportedAlgorithm(found) => write!(
                f,
                "its alg is {}, which Doorward does not verify",
                quoted(found)
            ),
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

/// For people: `RS256 ES256`, or that there are none.
pub fn names(algs: &[Algorithm]) -> String {
    match algs {
        [] => "none: none that is named is one that Doorward verifies".to_owned(),
        algs => {
            let names: Vec<String> = algs.iter().map(|alg| format!("{alg:?}")).collect();
            names.join(" ")
        }
    }
}

/// What `token` says, if one of `keys` signed it with one of `algs`; and with which.
pub fn verified(
    token: &str,
    keys: &KeySet,
    algs: &[Algorithm],
) -> Result<(Vec<u8>, Algorithm), JwsError> {
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
    let parsed = Object::read(&part(header)?, &HEADER);
    let parsed = parsed.map_err(JwsError::Malformed)?.called("its header");
    if parsed.has("crit") {
        return Err(JwsError::Critical);
    }
    let text = |name| parsed.optional(name, "a string", json::text);
    let found = parsed.text("alg").map_err(JwsError::Member)?;
    let kid = text("kid").map_err(JwsError::Member)?;
    let typ = text("typ").map_err(JwsError::Member)?;
    // RFC 8725, 3.11: a logout token or an access token must not pass for an ID token.
    if let Some(typ) = typ.filter(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(JwsError::Type(typ));
    }
    // Only what is allowed, which is never `none` nor anything with a shared secret.
    let Some(alg) = asymmetric(&found) else {
        return Err(JwsError::UnsupportedAlgorithm(found));
    };
    if !algs.contains(&alg) {
        let expected = algs.to_vec();
        return Err(JwsError::Algorithm { found, expected });
    }
    let candidates = match (keys.choose(kid.as_deref(), alg), &kid) {
        (Choice::Keys(candidates), _) => candidates,
        (Choice::Ambiguous, _) => return Err(JwsError::AmbiguousKey),
        (Choice::Unknown, None) => return Err(JwsError::NoKey(alg)),
        (Choice::Unknown, Some(kid)) => {
            let kid = kid.clone();
            return Err(match keys.why_not(&kid, alg) {
                Some(why) => JwsError::UnusableKey { kid, why },
                None => JwsError::UnknownKey(kid),
            });
        }
    };
    let message = format!("{header}.{payload}");
    candidates
        .into_iter()
        .any(|key| verify(signature, message.as_bytes(), key, alg).unwrap_or(false))
        .then_some(alg)
        .ok_or(JwsError::Signature {
            key_is_named: kid.is_some(),
        })
}

/// The `kid` that `token` names, whoever made it.
pub fn unverified_kid(token: &str) -> Option<String> {
    let (header, _) = token.split_once('.')?;
    let header = Object::read(&part(header).ok()?, &HEADER).ok()?;
    header.dispensable("kid", json::text)
}

fn part(encoded: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| JwsError::Malformed("a part is not base64url".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8725 3.7: UTF-8 (MUST)
    #[test]
    fn what_is_not_utf_8_is_refused() {
        let keys = KeySet::parse(br#"{"keys":[]}"#).unwrap();
        let header = URL_SAFE_NO_PAD.encode(b"{\"alg\":\"RS\xff256\"}");
        let judged = verified(&format!("{header}.e30.AA"), &keys, &[]);
        assert!(matches!(judged, Err(JwsError::Malformed(_))));
    }

    /// RFC 7518, 3.3. Both signatures are right, of `{"alg":"RS256"}` and `{}`.
    ///
    /// RFC 8725 3.2, 3.5: Strong keys: RSA of 2048 bits or more (MUST, RFC 7518 3.3)
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
            let judged = verified(&token, &keys, &[Algorithm::RS256]);
            assert_eq!(judged.is_ok(), accepted, "{judged:?}");
        }
    }

    #[test]
    fn newer_keys_are_asked_for_when_they_may_help_and_the_log_says_what_is_wrong() {
        for (error, may_be_rotation, text) in [
            (
                JwsError::UnknownKey("b".to_owned()),
                true,
                "no published key has the kid \"b\"",
            ),
            (
                JwsError::UnusableKey {
                    kid: "b".to_owned(),
                    why: "its use is \"enc\"".to_owned(),
                },
                true,
                "the key with the kid \"b\" is published, but can't be used: its use is \"enc\"",
            ),
            (
                JwsError::NoKey(Algorithm::ES256),
                true,
                "it has no kid, and no key for ES256 is published",
            ),
            (
                JwsError::Member("it has no sub".to_owned()),
                false,
                "it has no sub",
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
                JwsError::UnsupportedAlgorithm("none".to_owned()),
                false,
                "its alg is \"none\", which Doorward does not verify",
            ),
            (
                JwsError::Algorithm {
                    found: "RS512".to_owned(),
                    expected: vec![Algorithm::RS256, Algorithm::ES256],
                },
                false,
                "its alg is \"RS512\", expected RS256 ES256",
            ),
            (
                JwsError::Algorithm {
                    found: "RS512".to_owned(),
                    expected: vec![],
                },
                false,
                "its alg is \"RS512\", expected none: none that is named is one that Doorward verifies",
            ),
        ] {
            assert_eq!(error.may_be_rotation(), may_be_rotation, "{error}");
            assert_eq!(error.to_string(), text);
        }
    }
}
