//! The keys with which the provider signs (RFC 7517), and which of them may check a signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use crate::observe::metrics::Endpoint;
use crate::oidc::error::Error;
use crate::oidc::http::client::Http;
use crate::oidc::http::response::Answer;
use crate::oidc::http::timing::timed;
use crate::oidc::jose::json::{self, Object, quoted};
use crate::oidc::jose::jws::names;
use url::Url;

/// The keys of one `jwks_uri`, ready to verify.
pub struct KeySet {
    keys: Vec<Key>,
    /// Those that can't be used, to say why.
    passed_over: Vec<PassedOver>,
}

struct Key {
    kid: Option<String>,
    algs: Vec<Algorithm>,
    key: DecodingKey,
}

/// A published key that can't be used.
struct PassedOver {
    kid: Option<String>,
    why: Unusable,
}

/// Why a key can't be used.
enum Unusable {
    /// It is not for signatures, or of a kind that Doorward does not know: no fault.
    ForSomethingElse(String),
    /// It is not what the standard says.
    Faulty(String),
}

impl Unusable {
    fn text(&self) -> &str {
        match self {
            Unusable::ForSomethingElse(why) | Unusable::Faulty(why) => why,
        }
    }
}

impl From<String> for Unusable {
    fn from(why: String) -> Self {
        Unusable::Faulty(why)
    }
}

/// RFC 7518, 3.3: an RSA key has as many bits or more.
const RSA_BITS: usize = 2048;

/// Which key of the set checks a signature.
pub enum Choice<'a> {
    /// These, one after the other; a `kid` may name keys of several types.
    Keys(Vec<&'a DecodingKey>),
    /// None is called so: the provider may have rotated.
    Unknown,
    /// The token names none and several could be meant.
    Ambiguous,
}

/// Fetches the key set; with it, the seconds the provider lets it be cached.
pub async fn fetch(http: &Http, jwks_uri: &Url) -> Result<(KeySet, Option<u64>), Error> {
    let answer = timed(Endpoint::Keys, http.get(jwks_uri, None)).await;
    let answer = answer.and_then(Answer::ok);
    let answer = answer.map_err(Error::fetching("keys"))?;
    let body = answer.text().map_err(Error::Keys)?;
    Ok((KeySet::parse(&body)?, answer.max_age_secs))
}

impl KeySet {
    /// Reads a key set. Keys of a kind that Doorward does not know are passed over (RFC 7517, 5).
    pub fn parse(body: &[u8]) -> Result<KeySet, Error> {
        let document = Object::read(body, &["keys"]).map_err(Error::Keys)?;
        let published = document.required("keys", "an array", |keys| keys.as_array().cloned());
        let (mut keys, mut passed_over) = (Vec::new(), Vec::new());
        for jwk in published.map_err(Error::Keys)? {
            match usable(jwk) {
                Ok(key) => keys.push(key),
                Err(odd) => passed_over.push(odd),
            }
        }
        Ok(KeySet { keys, passed_over })
    }

    /// Why the keys called `kid` verify nothing that is signed with `alg`, if there are such keys.
    pub fn why_not(&self, kid: &str, alg: Algorithm) -> Option<String> {
        let is_called_so = |name: &Option<String>| name.as_deref() == Some(kid);
        let usable = self.keys.iter().filter(|key| is_called_so(&key.kid));
        let for_others = usable.map(|key| format!("it is for {}, not {alg:?}", names(&key.algs)));
        let passed_over = self.passed_over.iter().filter(|key| is_called_so(&key.kid));
        let mut reasons: Vec<String> = for_others
            .chain(passed_over.map(|key| key.why.text().to_owned()))
            .collect();
        reasons.truncate(3);
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// How many of the keys that we could use have no `kid`.
    pub fn nameless(&self) -> usize {
        self.keys.iter().filter(|key| key.kid.is_none()).count()
    }

    /// Whether some key for `alg` has a `kid`.
    pub fn names_one_for(&self, alg: Algorithm) -> bool {
        let mut named = self.keys.iter().filter(|key| key.kid.is_some());
        named.any(|key| key.algs.contains(&alg))
    }

    /// Keys that should be usable and are not, each with the reason.
    pub fn faulty(&self) -> Vec<String> {
        let described = |key: &PassedOver| match (&key.why, &key.kid) {
            (Unusable::ForSomethingElse(_), _) => None,
            (Unusable::Faulty(why), Some(kid)) => Some(format!("{}: {why}", quoted(kid))),
            (Unusable::Faulty(why), None) => Some(format!("one without kid: {why}")),
        };
        self.passed_over.iter().filter_map(described).collect()
    }

    /// Whether there is a key called `kid`, of use to us or not.
    pub fn names(&self, kid: &str) -> bool {
        let usable = self.keys.iter().map(|key| &key.kid);
        let mut all = usable.chain(self.passed_over.iter().map(|key| &key.kid));
        all.any(|name| name.as_deref() == Some(kid))
    }

    /// How many keys there are that we could use.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// Whether some key may verify what is signed with `alg`.
    pub fn suits(&self, alg: Algorithm) -> bool {
        self.keys.iter().any(|key| key.algs.contains(&alg))
    }

    /// The keys that may verify a token of `alg` that names `kid` (OpenID Connect Core 10.1: it
    /// must, where there are several).
    pub fn choose(&self, kid: Option<&str>, alg: Algorithm) -> Choice<'_> {
        let suits =
            |key: &&Key| key.algs.contains(&alg) && (kid.is_none() || key.kid.as_deref() == kid);
        let keys: Vec<_> = self.keys.iter().filter(suits).map(|key| &key.key).collect();
        match (keys.len(), kid) {
            (0, _) => Choice::Unknown,
            (1, _) | (_, Some(_)) => Choice::Keys(keys),
            (_, None) => Choice::Ambiguous,
        }
    }
}

/// A key that is published for signatures and of a kind we verify.
fn usable(jwk: Value) -> Result<Key, PassedOver> {
    let Some(jwk) = Object::within(jwk) else {
        let why = Unusable::Faulty("it is not an object".to_owned());
        return Err(PassedOver { kid: None, why });
    };
    let kid = jwk.dispensable("kid", json::text);
    read(&jwk).map_err(|why| PassedOver { kid, why })
}

/// RFC 7517, 4; RFC 7518, 6; RFC 8037, 2. Private parts, if a provider should publish them, are not even read.
fn read(jwk: &Object) -> Result<Key, Unusable> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};

    // Here null is as good as nothing.
    let is_there = |name| jwk.dispensable(name, |value| Some(!value.is_null())) == Some(true);
    let text = |name| match is_there(name) {
        true => jwk.text(name).map(Some),
        false => Ok(None),
    };
    let is_else =
        |name, value: &str| Unusable::ForSomethingElse(format!("its {name} is {}", quoted(value)));

    let kid = text("kid")?;
    if let Some(purpose) = text("use")?.filter(|purpose| purpose != "sig") {
        return Err(is_else("use", &purpose));
    }
    if is_there("key_ops") {
        let ops = jwk.required("key_ops", "an array of strings", json::texts)?;
        if !ops.iter().any(|op| op == "verify") {
            let why = "its key_ops do not have \"verify\"".to_owned();
            return Err(Unusable::ForSomethingElse(why));
        }
    }
    let only = match text("alg")? {
        Some(name) => Some(asymmetric(&name).ok_or_else(|| is_else("alg", &name))?),
        None => None,
    };
    let kty = jwk.text("kty")?;
    let (mut algs, key) = match kty.as_str() {
        "RSA" => {
            let n = jwk.text("n")?;
            check_modulus(&n)?;
            let key = DecodingKey::from_rsa_components(&n, &jwk.text("e")?);
            (vec![RS256, RS384, RS512, PS256, PS384, PS512], key)
        }
        "EC" => {
            let crv = jwk.text("crv")?;
            let alg = match crv.as_str() {
                "P-256" => ES256,
                "P-384" => ES384,
                _ => return Err(is_else("crv", &crv)),
            };
            let key = DecodingKey::from_ec_components(&jwk.text("x")?, &jwk.text("y")?);
            (vec![alg], key)
        }
        "OKP" => {
            let crv = jwk.text("crv")?;
            if crv != "Ed25519" {
                return Err(is_else("crv", &crv));
            }
            let key = DecodingKey::from_ed_components(&jwk.text("x")?);
            (vec![EdDSA], key)
        }
        _ => return Err(is_else("kty", &kty)),
    };
    if let Some(only) = only {
        algs.retain(|known| *known == only);
    }
    let key = key.map_err(|_| "its parts are not base64url".to_owned())?;
    Ok(Key { kid, algs, key })
}

/// The crypto library refuses to verify with such a modulus, which would look like a wrong signature.
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

/// All algorithms that we verify: those of [`asymmetric`].
pub const ASYMMETRIC: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The algorithm called `name` (RFC 7518, 3.1; RFC 8037, 3.1), if it is one we verify: never
/// `none`, and none that a shared secret could sign.
pub fn asymmetric(name: &str) -> Option<Algorithm> {
    match name {
        // RFC 9864 gives EdDSA over Ed25519 a name of its own.
        "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
        "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" => {
            name.parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            assert_eq!(set.faulty(), expected, "{name} {value}");
        }
        let nameless = rsa(|key| drop(key.as_object_mut().unwrap().remove("kid")));
        let set = set(vec![nameless.clone(), nameless, json!(7)]);
        assert_eq!((set.count(), set.nameless()), (2, 2));
        assert!(!set.names_one_for(Algorithm::RS256));
        assert_eq!(set.faulty(), ["one without kid: it is not an object"]);
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

    /// RFC 8725 3.2
    #[test]
    fn no_shared_secret_and_no_missing_signature_counts() {
        for name in ["none", "None", "HS256", "HS512", "rs256", ""] {
            assert_eq!(asymmetric(name), None, "{name}");
        }
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
            assert_eq!((set.count(), set.suits(alg)), (1, true), "{crv}");
            assert!(!set.suits(Algorithm::RS256), "{crv}");
        }
        let unknown = json!({"kty": "EC", "crv": "secp256k1", "x": part(32), "y": part(32)});
        assert_eq!(set(vec![unknown]).count(), 0);
    }

    #[test]
    fn an_algorithm_is_known_by_each_of_its_names() {
        for (name, alg) in [
            ("RS256", Algorithm::RS256),
            ("PS512", Algorithm::PS512),
            ("ES384", Algorithm::ES384),
            ("EdDSA", Algorithm::EdDSA),
            ("Ed25519", Algorithm::EdDSA),
        ] {
            assert_eq!(asymmetric(name), Some(alg));
        }
        for alg in ASYMMETRIC {
            assert_eq!(asymmetric(&format!("{alg:?}")), Some(alg));
        }
    }
}
