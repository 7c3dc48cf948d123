//! Whatever keys are published, they verify nothing that another key signed.

use std::sync::LazyLock;

use jsonwebtoken::Algorithm;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::{odd_value, spliced, with_odd_members};
use crate::oidc::example::{claims, verify};
use crate::oidc::jose::algorithm;
use crate::oidc::jose::key_set::KeySet;
use crate::oidc::jose::signer::Signer;

static PROVIDER: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::ES256));
/// A token like the provider's, but signed with another key.
static FORGED: LazyLock<String> = LazyLock::new(|| {
    let header = json!({"alg": "ES256", "kid": "a", "typ": "JWT"});
    Signer::new(Algorithm::ES256).sign(&header, &claims())
});

fn key_set_document(signer: &Signer) -> Vec<u8> {
    let rsa = json!({"kty": "RSA", "kid": "b", "n": "AQAB".repeat(64), "e": "AQAB"});
    let ed25519 =
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "c", "x": "AQID".repeat(10) + "AQI"});
    let keys = json!({"keys": [signer.jwk(), rsa, ed25519]});
    keys.to_string().into_bytes()
}

/// `parsed` keys must verify no stranger's token, and must not panic when they are tried.
fn check_keys(body: &[u8]) -> Result<(), TestCaseError> {
    let Ok(keys) = KeySet::parse(body) else {
        return Ok(());
    };
    prop_assert!(verify(&FORGED, &keys).is_err());
    for alg in ["RS256", "EdDSA", "ES256"] {
        for kid in ["a", "b", "c"] {
            let header = json!({"alg": alg, "kid": kid});
            let mut token = PROVIDER.sign(&header, &claims());
            if let Some(dot) = token.rfind('.').filter(|_| alg == "RS256") {
                token.replace_range(dot + 1.., &"AQAB".repeat(64));
            }
            prop_assert!(alg == "ES256" || verify(&token, &keys).is_err());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_bytes_as_key_set(body in vec(any::<u8>(), 0..200), text in any::<String>()) {
        check_keys(&body)?;
        check_keys(text.as_bytes())?;
        let _ = algorithm::allowed(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn a_key_set_with_pieces_replaced(body in spliced(key_set_document(&PROVIDER))) {
        check_keys(&body)?;
    }

    #[test]
    fn a_key_with_odd_members(jwk in with_odd_members(PROVIDER.jwk().clone(), odd_value())) {
        check_keys(json!({"keys": [jwk]}).to_string().as_bytes())?;
    }
}
