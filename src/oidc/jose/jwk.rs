//! One published key, a JSON Web Key (RFC 7517, 4; RFC 7518, 6; RFC 8037, 2): usable to verify signatures, or the reason
//! why not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use crate::oidc::jose::algorithm::{self, KeyKind};
use crate::oidc::jose::json::{self, Object, quoted};

/// RFC 7518, 3.3: the least size of an RSA key.
const RSA_BITS: usize = 2048;

/// A key that verifies signatures.
pub(super) struct Key {
    pub(super) kid: Option<String>,
    /// The algorithms that it serves, at least one.
    pub(super) algs: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

/// A published key that Doorward does not use.
pub(super) struct Unused {
    pub(super) kid: Option<String>,
    pub(super) why: Why,
}

/// Why a key is not used.
pub(super) enum Why {
    /// It has another purpose, or is of a kind that Doorward does not know: no fault.
    OtherPurpose(String),
    /// It is not what the standard says.
    Invalid(String),
}

impl Why {
    pub(super) fn text(&self) -> &str {
        match self {
            Why::OtherPurpose(why) | Why::Invalid(why) => why,
        }
    }
}

/// What [`Object`] says of a member is the key's fault.
impl From<String> for Why {
    fn from(why: String) -> Self {
        Why::Invalid(why)
    }
}

/// Reads an entry of a key set.
pub(super) fn read(jwk: Value) -> Result<Key, Unused> {
    let Some(jwk) = Object::within(jwk) else {
        let why = Why::Invalid("it is not an object".to_owned());
        return Err(Unused { kid: None, why });
    };
    let kid = jwk.lenient("kid", json::text);
    read_object(&jwk).map_err(|why| Unused { kid, why })
}

/// Does not read private parts, even if a provider publishes them.
fn read_object(jwk: &Object) -> Result<Key, Why> {
    let other_purpose =
        |name, value: &str| Why::OtherPurpose(format!("its {name} is {}", quoted(value)));

    let kid = text(jwk, "kid")?;
    // RFC 7517, 4.2 and 4.3
    if let Some(purpose) = text(jwk, "use")?.filter(|purpose| purpose != "sig") {
        return Err(other_purpose("use", &purpose));
    }
    if is_present(jwk, "key_ops") {
        let ops = jwk.required("key_ops", "an array of strings", json::texts)?;
        if !ops.iter().any(|op| op == "verify") {
            let why = "its key_ops do not have \"verify\"".to_owned();
            return Err(Why::OtherPurpose(why));
        }
    }
    // RFC 7517, 4.4
    let only = match text(jwk, "alg")? {
        Some(name) => Some(algorithm::allowed(&name).ok_or_else(|| other_purpose("alg", &name))?),
        None => None,
    };
    let kty = jwk.text("kty")?;
    let (kind, key) = match kty.as_str() {
        "RSA" => {
            let n = jwk.text("n")?;
            check_modulus(&n)?;
            let key = DecodingKey::from_rsa_components(&n, &jwk.text("e")?);
            (KeyKind::Rsa, key)
        }
        "EC" => {
            let crv = jwk.text("crv")?;
            let kind = match crv.as_str() {
                "P-256" => KeyKind::P256,
                "P-384" => KeyKind::P384,
                _ => return Err(other_purpose("crv", &crv)),
            };
            let key = DecodingKey::from_ec_components(&jwk.text("x")?, &jwk.text("y")?);
            (kind, key)
        }
        "OKP" => {
            let crv = jwk.text("crv")?;
            if crv != "Ed25519" {
                return Err(other_purpose("crv", &crv));
            }
            (
                KeyKind::Ed25519,
                DecodingKey::from_ed_components(&jwk.text("x")?),
            )
        }
        _ => return Err(other_purpose("kty", &kty)),
    };
    let mut algs = algorithm::for_key(kind);
    if let Some(only) = only {
        algs.retain(|alg| *alg == only);
        if algs.is_empty() {
            return Err(format!("its alg {only:?} needs another kind of key").into());
        }
    }
    let key = key.map_err(|_| "its parts are not base64url".to_owned())?;
    Ok(Key { kid, algs, key })
}

/// In a JWK, null counts as absent.
fn is_present(jwk: &Object, name: &str) -> bool {
    jwk.lenient(name, |value| Some(!value.is_null())) == Some(true)
}

fn text(jwk: &Object, name: &str) -> Result<Option<String>, String> {
    match is_present(jwk, name) {
        true => jwk.text(name).map(Some),
        false => Ok(None),
    }
}

/// The crypto library verifies nothing with such a modulus, which would look like a wrong signature.
fn check_modulus(n: &str) -> Result<(), String> {
    let modulus = URL_SAFE_NO_PAD.decode(n);
    let modulus = modulus.map_err(|_| "its n is not base64url".to_owned())?;
    match modulus.first() {
        None => Err("its n is empty".to_owned()),
        Some(0) => {
            Err("its n begins with a zero byte, which RFC 7518 (6.3.1.1) forbids".to_owned())
        }
        Some(first) => {
            let bits = modulus.len() * 8 - first.leading_zeros() as usize;
            match bits < RSA_BITS {
                true => Err(format!("its n has {bits} bits, fewer than {RSA_BITS}")),
                false => Ok(()),
            }
        }
    }
}
