//! Somebody who signs ID tokens, with each algorithm that Doorward verifies.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Value, json};
use time::OffsetDateTime;

pub const ISSUER: &str = "https://dev-123456.okta.com/oauth2/default";
pub const CLIENT_ID: &str = "0oa1bcdef2GHIJKLM3n4";
pub const NONCE: &str = "n-0S6_WzA2Mj-n-0S6_WzA2Mj-n-0S6_WzA2Mj-0123";
pub const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

pub struct Signer {
    alg: Algorithm,
    key: Key,
    /// What is published of it.
    jwk: Value,
}

enum Key {
    /// RS256 and PS256: jsonwebtoken takes no key in the form in which aws-lc-rs makes it.
    Rsa(RsaKeyPair),
    Other(EncodingKey),
}

impl Signer {
    pub fn new(alg: Algorithm) -> Signer {
        let random = SystemRandom::new();
        let (key, mut jwk) = match alg {
            Algorithm::ES256 => {
                let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                let key = EncodingKey::from_ec_der(key.expect("a key can be made").as_ref());
                let jwk = jwk(&key, alg);
                (Key::Other(key), jwk)
            }
            Algorithm::ES384 => {
                let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random);
                let key = EncodingKey::from_ec_der(key.expect("a key can be made").as_ref());
                let jwk = jwk(&key, alg);
                (Key::Other(key), jwk)
            }
            Algorithm::EdDSA => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key can be made");
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("it was just made");
                let x = URL_SAFE_NO_PAD.encode(pair.public_key());
                let key = EncodingKey::from_ed_der(pkcs8.as_ref());
                (
                    Key::Other(key),
                    json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x}),
                )
            }
            _ => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
                let public = DecodingKey::from_rsa_der(pair.public_key().as_ref());
                let jwk = Jwk::from_decoding_key(&public, Some(alg)).expect("it is an RSA key");
                (
                    Key::Rsa(pair),
                    serde_json::to_value(jwk).expect("a JWK is JSON"),
                )
            }
        };
        jwk["kid"] = "one".into();
        Signer { alg, key, jwk }
    }

    pub fn key_set(&self) -> Vec<u8> {
        json!({ "keys": [self.jwk] }).to_string().into_bytes()
    }

    pub fn decoding_key(&self) -> DecodingKey {
        let jwk = serde_json::from_value(self.jwk.clone()).expect("it was a JWK before");
        DecodingKey::from_jwk(&jwk).expect("a public key")
    }

    /// With the claims that Okta puts in.
    pub fn id_token(&self, now: OffsetDateTime) -> String {
        let now = now.unix_timestamp();
        let hash = match self.alg {
            Algorithm::ES384 => digest::digest(&digest::SHA384, ACCESS_TOKEN.as_bytes()),
            Algorithm::EdDSA => digest::digest(&digest::SHA512, ACCESS_TOKEN.as_bytes()),
            _ => digest::digest(&digest::SHA256, ACCESS_TOKEN.as_bytes()),
        };
        let hash = hash.as_ref();
        let claims = json!({
            "ver": 1, "jti": "ID.0123456789abcdefghijklmnopqrstuvwxyz", "amr": ["pwd"], "idp": "00o0123456789abcdef",
            "iss": ISSUER, "sub": "00u0123456789abcdef", "aud": CLIENT_ID, "iat": now, "exp": now + 3600,
            "nonce": NONCE, "auth_time": now, "at_hash": URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]),
            "name": "Ada Lovelace", "email": "ada@example.com", "preferred_username": "ada@example.com",
        });
        let header = json!({"alg": self.alg, "kid": "one"});
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let signature = match &self.key {
            Key::Rsa(pair) => {
                let padding: &dyn RsaEncoding = match self.alg {
                    Algorithm::PS256 => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    padding,
                    &SystemRandom::new(),
                    message.as_bytes(),
                    &mut signature,
                )
                .expect("it signs");
                URL_SAFE_NO_PAD.encode(signature)
            }
            Key::Other(key) => {
                jsonwebtoken::crypto::sign(message.as_bytes(), key, self.alg).expect("it signs")
            }
        };
        format!("{message}.{signature}")
    }
}

fn jwk(key: &EncodingKey, alg: Algorithm) -> Value {
    let jwk = Jwk::from_encoding_key(key, alg).expect("it has a public half");
    serde_json::to_value(jwk).expect("a JWK is JSON")
}
