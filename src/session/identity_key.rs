//! The key that signs who a visitor is, for apps behind the gateway: ES256 (RFC 7518, 3.4), derived from `SESSION_KEY`.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// An uncompressed point (SEC 1, 2.3.3): a byte 4, x, y.
const POINT_LEN: usize = 65;

/// A P-256 key that signs.
pub struct IdentityKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
    /// What each of its tokens begins with: the header, which names the key.
    prefix: String,
}

/// What is published of a key, a JSON Web Key (RFC 7517, 4). It has no private member.
#[derive(Clone, Debug, Serialize)]
pub struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
    kid: String,
    x: String,
    y: String,
}

impl IdentityKey {
    /// The key of the first of `candidates` that is a number from 1 to the order of the curve less 1: not quite all of 32
    /// bytes are (FIPS 186-5, A.2.2).
    pub fn first_of(candidates: impl Iterator<Item = [u8; 32]>) -> IdentityKey {
        candidates
            .filter_map(|candidate| IdentityKey::of(&candidate))
            .next()
            .expect("one in 2^32 is none, so among many there is one")
    }

    fn of(scalar: &[u8; 32]) -> Option<IdentityKey> {
        let private = PrivateKey::from_private_key(&ECDH_P256, scalar).ok()?;
        let point = private.compute_public_key().ok()?;
        let point: &[u8; POINT_LEN] = point.as_ref().try_into().ok()?;
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point.as_slice());
        let public = PublicKey::of(point);
        let header = format!(
            r#"{{"typ":"doorward+jwt","alg":"ES256","kid":"{}"}}"#,
            public.kid
        );
        Some(IdentityKey {
            pair: pair.ok()?,
            public,
            prefix: format!("{}.", URL_SAFE_NO_PAD.encode(header)),
        })
    }

    /// A token with these claims, a JWS (RFC 7515, 7.1).
    pub fn sign(&self, claims: &[u8]) -> String {
        let mut token = self.prefix.clone();
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes());
        let signature = signature.expect("a valid key signs whatever it is given");
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    /// Whether a token that we made is of this key.
    pub fn has_signed(&self, token: &[u8]) -> bool {
        token.starts_with(self.prefix.as_bytes())
    }

    /// What is published of it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl PublicKey {
    fn of(point: &[u8; POINT_LEN]) -> PublicKey {
        let (x, y) = point[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        PublicKey {
            kty: "EC",
            crv: "P-256",
            alg: "ES256",
            purpose: "sig",
            kid: thumbprint(&x, &y),
            x,
            y,
        }
    }
}

/// A hash of the required members in the order of their names (RFC 7638, 3).
fn thumbprint(x: &str, y: &str) -> String {
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, members.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    fn key(byte: u8) -> IdentityKey {
        IdentityKey::first_of(std::iter::once([byte; 32]))
    }

    /// RFC 7517, A.2: a key pair that is known to belong together.
    #[test]
    fn the_public_half_is_that_of_the_private_one() {
        let scalar = URL_SAFE_NO_PAD
            .decode("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE")
            .unwrap();
        let key = IdentityKey::of(&scalar.try_into().unwrap()).unwrap();
        assert_eq!(key.public.x, "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
        assert_eq!(key.public.y, "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
    }

    #[test]
    fn a_number_that_is_no_key_is_passed_over() {
        // The order of the curve, which is congruent to 0.
        let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
        let order = u128::from_str_radix(&order[..32], 16)
            .unwrap()
            .to_be_bytes()
            .into_iter()
            .chain(
                u128::from_str_radix(&order[32..], 16)
                    .unwrap()
                    .to_be_bytes(),
            );
        let order: [u8; 32] = Vec::from_iter(order).try_into().unwrap();
        let key_of = |candidates: &[[u8; 32]]| {
            let key = IdentityKey::first_of(candidates.iter().copied());
            key.public.kid
        };
        let one = key_of(&[[1; 32]]);
        assert_eq!(key_of(&[[0xff; 32], [0; 32], order, [1; 32], [2; 32]]), one);
        assert_ne!(key_of(&[[2; 32]]), one);
    }

    #[test]
    fn what_is_signed_verifies_with_what_is_published_and_with_no_other_key() {
        let token = key(1).sign(br#"{"sub":"ada"}"#);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let verifies = |key: &IdentityKey| {
            let coordinates = [&key.public.x, &key.public.y];
            let coordinates = coordinates.map(|it| URL_SAFE_NO_PAD.decode(it).unwrap());
            let point = [&[4][..], &coordinates.concat()].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed.as_bytes(), &signature)
                .is_ok()
        };
        assert!(verifies(&key(1)) && !verifies(&key(2)));
        assert!(key(1).has_signed(token.as_bytes()) && !key(2).has_signed(token.as_bytes()));
        let (header, claims) = signed.split_once('.').unwrap();
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        assert_eq!(claims, br#"{"sub":"ada"}"#);
        let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
        let kid = key(1).public.kid;
        let expected = serde_json::json!({"typ": "doorward+jwt", "alg": "ES256", "kid": kid});
        assert_eq!(header, expected);
    }

    /// RFC 7638, 3: a hash of the required members, in order and without spaces. `serde_json` sorts them by itself.
    #[test]
    fn the_kid_is_the_thumbprint_and_no_private_part_is_published() {
        let published = serde_json::to_value(key(1).public()).unwrap();
        let members = published.as_object().unwrap();
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        let required = serde_json::json!({
            "kty": members["kty"], "crv": members["crv"], "x": members["x"], "y": members["y"],
        });
        let expected = digest::digest(&digest::SHA256, required.to_string().as_bytes());
        assert_eq!(members["kid"], URL_SAFE_NO_PAD.encode(expected));
    }
}
