//! The provider's keys: made at start, published as a JWK set, used for signing.

use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Value, json};

use super::state::lock;

/// RSA keys take a tenth of a second each, so all providers of a process share them: the first, the second, …
static RSA_KEYS: Mutex<Vec<Arc<RsaKeyPair>>> = Mutex::new(Vec::new());

/// The attacker's key, which is never published.
static FOREIGN: LazyLock<RsaKeyPair> = LazyLock::new(new_rsa);

/// Whether the keys that signed so far stay published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Yes,
    No,
}

pub struct Keys {
    /// How many RSA keys there have been; the newest signs.
    generation: usize,
    /// The first generation that is still published.
    oldest_published: usize,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Keys {
    pub fn new() -> Keys {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        rsa(1);
        Keys {
            generation: 1,
            oldest_published: 1,
            ec: ec.expect("a P-256 key can be made"),
            ed: Ed25519KeyPair::generate().expect("an Ed25519 key can be made"),
        }
    }

    pub fn rotate(&mut self, keep: Keep) {
        self.generation += 1;
        rsa(self.generation);
        if keep == Keep::No {
            self.oldest_published = self.generation;
        }
    }

    pub fn rsa_kid(&self) -> String {
        rsa_kid(self.generation)
    }

    pub fn pss_kid(&self) -> String {
        pss_kid(self.generation)
    }

    pub fn ec_kid(&self) -> &'static str {
        "ec-1"
    }

    pub fn ed_kid(&self) -> &'static str {
        "ed-1"
    }

    /// RFC 7517. Each RSA key is there twice, since a key says one `alg` only: for RS256 and for PS256.
    pub fn published(&self) -> Value {
        let mut keys = Vec::new();
        for generation in self.oldest_published..=self.generation {
            let key = rsa(generation);
            keys.push(rsa_jwk(&key, &rsa_kid(generation), "RS256"));
            keys.push(rsa_jwk(&key, &pss_kid(generation), "PS256"));
        }
        // An uncompressed point: 4, x, y.
        let (x, y) = self.ec.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (encoded(x), encoded(y));
        keys.push(json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.ec_kid(), "use": "sig", "alg": "ES256"}));
        let x = encoded(self.ed.public_key().as_ref());
        keys.push(json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.ed_kid(), "use": "sig", "alg": "EdDSA"}));
        json!({ "keys": keys })
    }

    pub fn public_rsa_pem(&self) -> Vec<u8> {
        let key = rsa(self.generation);
        let der: PublicKeyX509Der = key
            .public_key()
            .as_der()
            .expect("an RSA key has a DER form");
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for line in STANDARD.encode(der.as_ref()).as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        pem.into_bytes()
    }

    pub fn sign_rsa(&self, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        rsa_signature(&rsa(self.generation), padding, message)
    }

    pub fn sign_ec(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.ec.sign(&SystemRandom::new(), message);
        signature.expect("a P-256 key signs").as_ref().to_vec()
    }

    pub fn sign_ed(&self, message: &[u8]) -> Vec<u8> {
        self.ed.sign(message).as_ref().to_vec()
    }
}

pub fn sign_foreign(padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    rsa_signature(&FOREIGN, padding, message)
}

pub fn foreign_jwk(kid: &str) -> Value {
    rsa_jwk(&FOREIGN, kid, "RS256")
}

fn rsa_kid(generation: usize) -> String {
    format!("rsa-{generation}")
}

fn pss_kid(generation: usize) -> String {
    format!("rsa-{generation}-pss")
}

fn rsa(generation: usize) -> Arc<RsaKeyPair> {
    let mut keys = lock(&RSA_KEYS);
    while keys.len() < generation {
        keys.push(Arc::new(new_rsa()));
    }
    Arc::clone(&keys[generation - 1])
}

fn new_rsa() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made")
}

fn rsa_signature(key: &RsaKeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signature)
        .expect("an RSA key signs");
    signature
}

fn rsa_jwk(key: &RsaKeyPair, kid: &str, alg: &str) -> Value {
    // jsonwebtoken knows how to take modulus and exponent out of the DER form.
    let public = DecodingKey::from_rsa_der(key.public_key().as_ref());
    let jwk =
        Jwk::from_decoding_key(&public, Some(Algorithm::RS256)).expect("an RSA key has a JWK form");
    let mut jwk = serde_json::to_value(jwk).expect("a JWK is JSON");
    jwk["kid"] = kid.into();
    jwk["use"] = "sig".into();
    jwk["alg"] = alg.into();
    jwk
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
