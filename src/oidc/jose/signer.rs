//! The other side, for tests, benchmarks and fuzz targets: signs with each algorithm that Doorward verifies, and
//! publishes its key. No part of a release.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde_json::{Value, json};

use crate::oidc::jose::key_set::KeySet;

/// A key pair, its `kid` "a".
pub struct Signer {
    alg: Algorithm,
    key: Key,
    jwk: Value,
}

enum Key {
    /// jsonwebtoken does not read RSA keys in the form in which aws-lc-rs makes them.
    Rsa(RsaKeyPair),
    Other(EncodingKey),
}

impl Signer {
    /// Makes a key for `alg`: RS256, PS256, ES256, ES384 or EdDSA.
    pub fn new(alg: Algorithm) -> Signer {
        let (key, mut jwk) = match alg {
            Algorithm::ES256 => elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING, alg),
            Algorithm::ES384 => elliptic(&ECDSA_P384_SHA384_FIXED_SIGNING, alg),
            Algorithm::EdDSA => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
                let pkcs8 = pkcs8.expect("aws-lc can make a key");
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("it was just made");
                let x = URL_SAFE_NO_PAD.encode(pair.public_key());
                let key = EncodingKey::from_ed_der(pkcs8.as_ref());
                let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x});
                (Key::Other(key), jwk)
            }
            alg => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("aws-lc can make a key");
                let public = DecodingKey::from_rsa_der(pair.public_key().as_ref());
                let jwk = Jwk::from_decoding_key(&public, Some(alg)).expect("it is an RSA key");
                let jwk = serde_json::to_value(jwk).expect("a JWK is JSON");
                (Key::Rsa(pair), jwk)
            }
        };
        jwk["kid"] = "a".into();
        jwk["use"] = "sig".into();
        Signer { alg, key, jwk }
    }

    /// The public key.
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// The public key, as jsonwebtoken reads it; for the benchmarks.
    #[cfg(feature = "internals")]
    pub fn decoding_key(&self) -> DecodingKey {
        let jwk = serde_json::from_value(self.jwk.clone()).expect("it was a JWK before");
        DecodingKey::from_jwk(&jwk).expect("it is a public key")
    }

    /// A key set of this key alone.
    pub fn key_set(&self) -> KeySet {
        let document = json!({ "keys": [self.jwk] }).to_string();
        KeySet::parse(document.as_bytes()).expect("it is a key set")
    }

    /// Signs, whatever `header` says of the algorithm and the key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// Signs what may not even be JSON.
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let (header, payload) = (
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload),
        );
        let message = format!("{header}.{payload}");
        let signature = match &self.key {
            Key::Rsa(pair) => {
                let padding: &dyn RsaEncoding = match self.alg {
                    Algorithm::PS256 => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                pair.sign(padding, &random, message.as_bytes(), &mut signature)
                    .expect("the signature is as long as the modulus");
                URL_SAFE_NO_PAD.encode(signature)
            }
            Key::Other(key) => crypto::sign(message.as_bytes(), key, self.alg)
                .expect("the key was made for this algorithm"),
        };
        format!("{message}.{signature}")
    }
}

fn elliptic(scheme: &'static EcdsaSigningAlgorithm, alg: Algorithm) -> (Key, Value) {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(scheme, &SystemRandom::new());
    let key = EncodingKey::from_ec_der(pkcs8.expect("aws-lc can make a key").as_ref());
    let jwk = Jwk::from_encoding_key(&key, alg).expect("it has a public half");
    let jwk = serde_json::to_value(jwk).expect("a JWK is JSON");
    (Key::Other(key), jwk)
}
