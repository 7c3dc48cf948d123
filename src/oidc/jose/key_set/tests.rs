//! Which keys are used, which are not and why, and which of them a token means.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

fn rsa(change: impl FnOnce(&mut Value)) -> Value {
    let mut key = json!({"kty": "RSA", "kid": "a", "n": "AQAB".repeat(86), "e": "AQAB"});
    change(&mut key);
    key
}

fn set(keys: Vec<Value>) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn found(set: &KeySet, kid: Option<&str>, alg: Algorithm) -> &'static str {
    match set.choose(kid, alg) {
        Choice::Keys(_) => "keys",
        Choice::Unknown => "unknown",
        Choice::Ambiguous => "ambiguous",
    }
}

/// Core 10.1 (b)
#[test]
fn a_key_without_alg_and_use_serves_its_whole_family() {
    let set = set(vec![rsa(|_| ())]);
    assert_eq!(found(&set, Some("a"), Algorithm::RS256), "keys");
    assert_eq!(found(&set, Some("a"), Algorithm::PS512), "keys");
    assert_eq!(found(&set, Some("a"), Algorithm::ES256), "unknown");
}

/// Core 10.1 (b)
#[test]
fn a_key_with_alg_serves_that_alone() {
    let set = set(vec![rsa(|key| key["alg"] = json!("RS256"))]);
    assert_eq!(found(&set, Some("a"), Algorithm::RS256), "keys");
    assert_eq!(found(&set, Some("a"), Algorithm::PS256), "unknown");
}

/// Core 10.1 (e)
#[test]
fn a_key_for_something_else_is_not_used() {
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("alg", json!("RSA-OAEP")),
        ("alg", json!("HS256")),
        ("kty", json!("oct")),
        ("n", json!(7)),
    ] {
        let set = set(vec![rsa(|key| key[name] = value.clone())]);
        assert_eq!(
            found(&set, Some("a"), Algorithm::RS256),
            "unknown",
            "{name} {value}"
        );
    }
}

#[test]
fn a_key_that_should_be_usable_and_is_not_is_told_from_one_for_something_else() {
    for (name, value, faulty) in [
        ("use", json!("enc"), None),
        ("crv", json!("P-256"), None),
        ("kty", json!("oct"), None),
        ("alg", json!("RSA-OAEP"), None),
        (
            "alg",
            json!("ES256"),
            Some("its alg ES256 needs another kind of key"),
        ),
        ("n", json!(null), Some("its n is null, expected a string")),
        ("n", json!("+"), Some("its n is not base64url")),
        ("n", json!(""), Some("its n is empty")),
        (
            "n",
            json!("AQAB"),
            Some("its n has 17 bits, fewer than 2048"),
        ),
        (
            "n",
            json!(format!("AAAA{}", "AQAB".repeat(86))),
            Some("its n begins with a zero byte, which RFC 7518 (6.3.1.1) forbids"),
        ),
        ("e", json!("+"), Some("its parts are not base64url")),
    ] {
        let set = set(vec![rsa(|key| key[name] = value.clone())]);
        let expected: Vec<String> = faulty.iter().map(|why| format!("\"a\": {why}")).collect();
        assert_eq!(set.invalid(), expected, "{name} {value}");
    }
    let nameless = rsa(|key| drop(key.as_object_mut().unwrap().remove("kid")));
    let set = set(vec![nameless.clone(), nameless, json!(7)]);
    assert_eq!((set.count(), set.count_without_kid()), (2, 2));
    assert!(!set.has_kid_for(Algorithm::RS256));
    assert_eq!(set.invalid(), ["one without kid: it is not an object"]);
}

/// Core 10.1 (c)
#[test]
fn without_kid_one_key_is_clear_and_two_are_not() {
    assert_eq!(
        found(&set(vec![rsa(|_| ())]), None, Algorithm::RS256),
        "keys"
    );
    let two = set(vec![rsa(|_| ()), rsa(|key| key["kid"] = json!("b"))]);
    assert_eq!(found(&two, None, Algorithm::RS256), "ambiguous");
    assert_eq!(found(&two, Some("c"), Algorithm::RS256), "unknown");
}

/// Discovery 3 (h)
#[test]
fn what_is_not_a_key_set_is_refused() {
    for body in ["", "[]", "{}", "{\"keys\": {}}", "<html>"] {
        assert!(KeySet::parse(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn keys_of_every_kind_that_we_verify_are_used() {
    let part = |bytes: usize| URL_SAFE_NO_PAD.encode(vec![7; bytes]);
    for (kty, crv, bytes, alg) in [
        ("EC", "P-256", 32, Algorithm::ES256),
        ("EC", "P-384", 48, Algorithm::ES384),
        ("OKP", "Ed25519", 32, Algorithm::EdDSA),
    ] {
        let key = json!({"kty": kty, "crv": crv, "x": part(bytes), "y": part(bytes)});
        let set = set(vec![key]);
        assert_eq!((set.count(), set.serves(alg)), (1, true), "{crv}");
        assert!(!set.serves(Algorithm::RS256), "{crv}");
    }
    let unknown = json!({"kty": "EC", "crv": "secp256k1", "x": part(32), "y": part(32)});
    assert_eq!(set(vec![unknown]).count(), 0);
}
