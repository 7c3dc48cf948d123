//! Headers, keys and signatures, and what the errors say.

use super::*;
use crate::oidc::jose::signer::Signer;
use serde_json::json;

const JWT: Typ = Typ::optional(&["JWT"]);
const LOGOUT: Typ = Typ::optional(&["logout+jwt"]);

fn verify_with(token: &str, keys: &KeySet, algs: &[Algorithm]) -> Result<Verified, JwsError> {
    let expected = Expected { algs, typ: JWT };
    verify(token, keys, &expected)
}

/// RFC 8725 3.7: UTF-8 (MUST)
#[test]
fn what_is_not_utf_8_is_refused() {
    let keys = KeySet::parse(br#"{"keys":[]}"#).unwrap();
    let header = URL_SAFE_NO_PAD.encode(b"{\"alg\":\"RS\xff256\"}");
    let judged = verify_with(&format!("{header}.e30.AA"), &keys, &[]);
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
        let judged = verify_with(&token, &keys, &[Algorithm::RS256]);
        assert_eq!(judged.is_ok(), accepted, "{judged:?}");
    }
}

/// RFC 8725 3.11
#[test]
fn one_kind_of_token_does_not_pass_for_another() {
    let signer = Signer::new(Algorithm::ES256);
    let keys = signer.key_set();
    for (typ, expected, accepted) in [
        (json!("JWT"), JWT, true),
        (json!("jwt"), JWT, true),
        (json!("logout+jwt"), LOGOUT, true),
        (json!("Logout+JWT"), LOGOUT, true),
        (json!("logout+jwt"), JWT, false),
        (json!("at+jwt"), JWT, false),
        (json!("JWT"), LOGOUT, false),
        (json!(""), JWT, false),
    ] {
        let token = signer.sign(&json!({"alg": "ES256", "typ": typ}), &json!({}));
        let algs = &[Algorithm::ES256];
        let judged = verify(
            &token,
            &keys,
            &Expected {
                algs,
                typ: expected,
            },
        );
        let refusal = JwsError::Type {
            found: typ.as_str().map(str::to_owned),
            expected,
        };
        let wanted = if accepted { None } else { Some(refusal) };
        assert_eq!(judged.err(), wanted, "{typ} for {expected}");
    }
    let silent = signer.sign(&json!({"alg": "ES256"}), &json!({"a": 1}));
    for typ in [JWT, LOGOUT] {
        let algs = &[Algorithm::ES256];
        let verified = verify(&silent, &keys, &Expected { algs, typ }).unwrap();
        assert_eq!(verified.payload(), br#"{"a":1}"#);
        assert_eq!(verified.alg(), Algorithm::ES256);
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
            JwsError::Header("its header has no alg".to_owned()),
            false,
            "its header has no alg",
        ),
        (
            JwsError::AmbiguousKey,
            true,
            "it has no kid and several keys are published",
        ),
        (
            JwsError::Signature { has_kid: false },
            true,
            "its signature is wrong",
        ),
        (
            JwsError::Signature { has_kid: true },
            false,
            "its signature is wrong",
        ),
        (
            JwsError::Critical,
            false,
            "it has critical header parameters",
        ),
        (
            JwsError::Type {
                found: Some("at+jwt".to_owned()),
                expected: JWT,
            },
            false,
            "its typ is \"at+jwt\", expected \"JWT\"",
        ),
        (
            JwsError::Type {
                found: None,
                expected: Typ::required(&["a", "b"]),
            },
            false,
            "it has no typ, expected \"a\" or \"b\"",
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
            "its alg is \"RS512\", expected none: Doorward verifies none of those that are named",
        ),
    ] {
        assert_eq!(error.may_be_rotation(), may_be_rotation, "{error}");
        assert_eq!(error.to_string(), text);
    }
}
