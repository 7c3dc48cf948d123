//! Somebody who signs ID tokens, with each algorithm that Doorward verifies.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
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
    key: EncodingKey,
}

impl Signer {
    pub fn new(alg: Algorithm) -> Signer {
        let random = SystemRandom::new();
        let key = match alg {
            Algorithm::ES256 => {
                let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                EncodingKey::from_ec_der(key.expect("a key can be made").as_ref())
            }
            Algorithm::ES384 => {
                let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random);
                EncodingKey::from_ec_der(key.expect("a key can be made").as_ref())
            }
            Algorithm::EdDSA => {
                let key = Ed25519KeyPair::generate_pkcs8(&random);
                EncodingKey::from_ed_der(key.expect("a key can be made").as_ref())
            }
            _ => {
                let key = KeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
                EncodingKey::from_rsa_der(key.as_der().expect("it has a DER form").as_ref())
            }
        };
        Signer { alg, key }
    }

    fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.alg).expect("it has a public half");
        let mut jwk = serde_json::to_value(jwk).expect("a JWK is JSON");
        jwk["kid"] = "one".into();
        jwk
    }

    pub fn key_set(&self) -> Vec<u8> {
        json!({ "keys": [self.jwk()] }).to_string().into_bytes()
    }

    pub fn decoding_key(&self) -> DecodingKey {
        let jwk = serde_json::from_value(self.jwk()).expect("it was a JWK before");
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
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.alg);
        format!("{message}.{}", signature.expect("it signs"))
    }
}
