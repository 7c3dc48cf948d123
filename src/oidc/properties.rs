//! What holds whatever comes in: tokens, documents and responses that proptest makes up, others at
//! each run. What it finds it keeps in `proptest-regressions/`, and tries first from then on.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use url::Url;

use crate::oidc::Claims;
use crate::oidc::flow::attempt::Attempt;
use crate::oidc::flow::authorization_response::{AuthorizationResponse, MalformedResponse};
use crate::oidc::flow::id_token::{Expectation, IdTokenError, verify_id_token};
use crate::oidc::jose::key_set::{KeySet, asymmetric};
use crate::oidc::jose::numeric_date::NumericDate;
use crate::oidc::provider::metadata;

const ISSUER: &str = "https://op.example/oauth2/default";
const CLIENT_ID: &str = "doorward";
const NONCE: &str = "n-0S6_WzA2Mj";
const NOW: i64 = 1_800_000_000;
const LEEWAY: f64 = 60.0;
const YEAR_10000: f64 = 253_402_300_800.0;

/// The example of OpenID Connect Core, A.3: a token and its hash by SHA-256.
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
const AT_HASH: &str = "77QmUPtjPfzWtF2AnpK9RQ";

/// Somebody who signs.
pub(super) struct Signer {
    key: EncodingKey,
    jwk: Value,
}

impl Signer {
    pub(super) fn new() -> Self {
        let scheme = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(scheme, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(scheme, pkcs8.as_ref()).unwrap();
        // Uncompressed: a 4, then x, then y.
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        Signer {
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
            jwk: json!({
                "kty": "EC", "crv": "P-256", "kid": "a", "use": "sig", "alg": "ES256",
                "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
            }),
        }
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, Algorithm::ES256).unwrap();
        format!("{message}.{signature}")
    }

    pub(super) fn key_set(&self) -> KeySet {
        KeySet::parse(&key_set_document(self)).ok().unwrap()
    }
}

static PROVIDER: LazyLock<Signer> = LazyLock::new(Signer::new);
static KEYS: LazyLock<KeySet> = LazyLock::new(|| PROVIDER.key_set());
static TOKEN: LazyLock<String> = LazyLock::new(|| PROVIDER.sign(&header(), &claims()));
/// As good as [`TOKEN`], except that somebody else signed it.
static FORGED: LazyLock<String> = LazyLock::new(|| Signer::new().sign(&header(), &claims()));

fn header() -> Value {
    json!({"alg": "ES256", "kid": "a", "typ": "JWT"})
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "00u1", "aud": [CLIENT_ID], "azp": CLIENT_ID, "exp": NOW + 300,
        "iat": NOW, "nbf": NOW, "auth_time": NOW - 5, "nonce": NONCE, "at_hash": AT_HASH,
        "name": "Ada",
    })
}

fn verify(token: &str, keys: &KeySet) -> Result<Claims, IdTokenError> {
    let expected = Expectation {
        issuer: ISSUER,
        client_id: CLIENT_ID,
        nonce: NONCE,
        access_token: ACCESS_TOKEN,
        algs: &[Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA],
    };
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    verify_id_token(token, keys, &expected, now)
}

fn key_set_document(signer: &Signer) -> Vec<u8> {
    let rsa = json!({"kty": "RSA", "kid": "b", "n": "AQAB".repeat(64), "e": "AQAB"});
    let ed25519 =
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "c", "x": "AQID".repeat(10) + "AQI"});
    let keys = json!({"keys": [signer.jwk, rsa, ed25519]});
    keys.to_string().into_bytes()
}

fn discovery_document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://op.example/authorize",
        "token_endpoint": "https://op.example/token",
        "userinfo_endpoint": "https://op.example/userinfo",
        "jwks_uri": "http://127.0.0.1:9000/keys",
        "end_session_endpoint": "http://localhost/logout",
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// A value that some member of some document may have, often one that nearly fits.
fn odd_value() -> impl Strategy<Value = Value> {
    let texts: &'static [&str] = &[
        "",
        "a",
        ISSUER,
        "https://op.example/oauth2/default/",
        CLIENT_ID,
        NONCE,
        AT_HASH,
        "jwt",
        "none",
        "HS256",
        "RS256",
        "ES256",
        "1800000000",
        "a\u{0}b",
    ];
    let text = prop_oneof![
        select(texts).prop_map(str::to_owned),
        any::<String>(),
        "a{250,260}",
    ];
    let near = (-62..=62_i64).prop_map(|by| json!(NOW + by));
    let near_and_fractions = (-62.0..=62.0).prop_map(|by: f64| json!(NOW as f64 + by));
    let list = vec(select(texts), 0..3);
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        3 => near,
        3 => near_and_fractions,
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => select(&[0.0, -0.0, YEAR_10000, YEAR_10000 - 1.0, 1e300][..]).prop_map(Value::from),
        4 => text.prop_map(Value::from),
        2 => list.prop_map(Value::from),
        1 => Just(json!({})),
    ]
}

/// `document`, with up to three members changed or taken away.
fn with_odd_members(
    document: Value,
    odd: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Value> {
    let change = (any::<Index>(), proptest::option::weighted(0.8, odd));
    vec(change, 0..=3).prop_map(move |changes| {
        let mut changed = document.clone();
        let members: Vec<String> = members(&document).keys().cloned().collect();
        for (member, value) in changes {
            let member = member.get(&members);
            match value {
                Some(value) => changed[member] = value,
                None => drop(changed.as_object_mut().unwrap().remove(member)),
            }
        }
        changed
    })
}

fn members(document: &Value) -> &Map<String, Value> {
    document.as_object().unwrap()
}

/// `text`, with one to four pieces of it replaced.
fn spliced(text: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let pieces: &'static [&str] = &[
        "", ":", "\"", "\\", "{", "}", "[", "]", ",", "null", "0", "-", "1e999", "\"\"", "http://",
        ".", "@", "\u{0}", "\u{3002}", "\\u0000", "\\ud800",
    ];
    let piece = prop_oneof![
        select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        vec(any::<u8>(), 0..4),
    ];
    let splice = (any::<Index>(), 0..6_usize, piece);
    vec(splice, 1..=4).prop_map(move |splices| {
        let mut text = text.clone();
        for (at, taken, piece) in splices {
            let at = at.index(text.len() + 1);
            let end = (at + taken).min(text.len());
            text.splice(at..end, piece);
        }
        text
    })
}

/// The checks once more, as the standard says them: what is not refused must pass all of these.
fn is_ours(claims: &Value) -> bool {
    let is = |member: &str, expected: &str| claims[member] == expected;
    let absent = |member: &str| claims.get(member).is_none();
    let date = |member: &str| {
        let secs = claims[member].as_f64();
        secs.filter(|secs| (0.0..YEAR_10000).contains(secs))
    };
    let (named, several) = match &claims["aud"] {
        Value::String(audience) => (audience == CLIENT_ID, false),
        Value::Array(list) => (
            list.iter().all(Value::is_string) && list.contains(&json!(CLIENT_ID)),
            list.len() > 1,
        ),
        _ => (false, false),
    };
    let subject = claims["sub"].as_str().unwrap_or_default();
    let now = NOW as f64;
    is("iss", ISSUER)
        && named
        && (is("azp", CLIENT_ID) || absent("azp") && !several)
        && date("exp").is_some_and(|exp| now < exp + LEEWAY)
        && date("iat").is_some_and(|iat| iat <= now + LEEWAY)
        && (absent("nbf") || date("nbf").is_some_and(|nbf| nbf <= now + LEEWAY))
        && is("nonce", NONCE)
        && (is("at_hash", AT_HASH) || absent("at_hash"))
        && (1..=255).contains(&subject.len())
        && !subject.contains(char::is_control)
}

#[test]
fn a_token_with_any_one_byte_changed_is_refused() {
    assert!(verify(&TOKEN, &KEYS).is_ok());
    for at in 0..TOKEN.len() {
        // Seven bits: with the eighth it would not be text.
        for bit in 0..7 {
            let mut changed = TOKEN.clone().into_bytes();
            changed[at] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify(&changed, &KEYS).is_err(), "{changed}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_token_with_another_byte_anywhere_is_refused(at in any::<Index>(), byte in 0..128_u8) {
        let mut changed = TOKEN.clone().into_bytes();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        prop_assert!(verify(&String::from_utf8(changed).unwrap(), &KEYS).is_err());
    }

    #[test]
    fn a_token_with_pieces_replaced_is_refused(changed in spliced(TOKEN.clone().into_bytes())) {
        let changed = String::from_utf8_lossy(&changed);
        prop_assume!(changed != TOKEN.as_str());
        prop_assert!(verify(&changed, &KEYS).is_err());
    }

    #[test]
    fn nothing_made_up_is_a_token(token in any::<String>(), parts in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,5}") {
        prop_assert!(verify(&token, &KEYS).is_err());
        prop_assert!(verify(&parts, &KEYS).is_err());
    }

    #[test]
    fn signed_claims_are_taken_when_they_are_ours_and_only_then(
        claims in with_odd_members(claims(), odd_value()),
    ) {
        let judged = verify(&PROVIDER.sign(&header(), &claims), &KEYS);
        prop_assert_eq!(judged.is_ok(), is_ours(&claims), "{:?}", judged);
    }

    #[test]
    fn a_signed_header_is_taken_when_it_says_what_it_must(
        header in with_odd_members(header(), odd_value()),
        crit in proptest::option::weighted(0.1, odd_value()),
    ) {
        let mut header = header;
        if let Some(crit) = crit {
            header["crit"] = crit;
        }
        let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default());
        let expected = header["alg"] == "ES256"
            && header.get("kid").is_none_or(|kid| kid == "a")
            && typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"))
            && header.get("crit").is_none();
        let judged = verify(&PROVIDER.sign(&header, &claims()), &KEYS);
        prop_assert_eq!(judged.is_ok(), expected, "{:?}", judged);
    }

    #[test]
    fn a_time_is_a_number_between_1970_and_10000(value in odd_value()) {
        let expected = value.as_f64().filter(|secs| (0.0..YEAR_10000).contains(secs));
        let read = NumericDate::read(&value);
        prop_assert_eq!(read.map(|date| date.secs()), expected);
    }

    #[test]
    fn whatever_is_read_as_a_time_is_one(text in "-?[0-9]{0,20}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{0,4})?|\\PC*") {
        let value = serde_json::from_str(&text).ok();
        if let Some(date) = value.and_then(|value| NumericDate::read(&value)) {
            prop_assert!(date.secs() >= 0.0 && date.secs() < YEAR_10000);
        }
    }
}

/// What an accepted discovery document may lead to.
fn check_metadata(body: &[u8]) -> Result<(), TestCaseError> {
    let Ok(metadata) = metadata::parse(body, ISSUER) else {
        return Ok(());
    };
    #[derive(serde::Deserialize)]
    struct Document {
        issuer: String,
    }
    let document: Document = serde_json::from_slice(body).unwrap();
    prop_assert_eq!(&document.issuer, ISSUER);
    let endpoints = [
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
        &metadata.jwks_uri,
    ];
    let optional = [&metadata.userinfo_endpoint, &metadata.end_session_endpoint];
    for endpoint in endpoints.into_iter().chain(optional.into_iter().flatten()) {
        prop_assert!(is_https_or_loopback(endpoint), "{}", endpoint);
    }
    Ok(())
}

fn is_https_or_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_name = host == "localhost" || host.ends_with(".localhost");
    let is_address = host.starts_with("127.") && host.parse::<std::net::Ipv4Addr>().is_ok();
    match url.scheme() {
        "https" => !host.is_empty(),
        "http" => is_name || is_address || host == "[::1]",
        _ => false,
    }
}

/// Addresses of every kind, and whatever else may stand in their place.
fn odd_endpoint() -> impl Strategy<Value = Value> {
    let scheme = select(
        &[
            "https:",
            "http:",
            "HTTP:",
            "ftp:",
            "javascript:",
            "file:",
            "",
        ][..],
    );
    let slashes = select(&["//", "/", "", "\\\\", "///"][..]);
    let host = prop_oneof![
        select(
            &[
                "",
                "localhost",
                "LOCALHOST",
                "localhost.",
                "a.localhost",
                "localhost.a",
                "xlocalhost",
                "127.0.0.1",
                "127.1",
                "0177.1",
                "0x7f.1",
                "2130706433",
                "127.1.a",
                "0.0.0.0",
                "10.0.0.1",
                "[::1]",
                "[::]",
                "[::ffff:127.0.0.1]",
                "127。0。0。1",
                "ⓛocalhost",
                "a@localhost",
                "localhost@a",
                "localhost#@a",
                "localhost\\@a",
            ][..]
        )
        .prop_map(str::to_owned),
        "[a-z0-9.:%@-]{0,12}",
    ];
    let rest = select(&["", ":0", ":9000", ":99999", "/x", "?x", "#x", "/%00"][..]);
    let url = (scheme, slashes, host, rest);
    let url = url.prop_map(|(scheme, slashes, host, rest)| {
        Value::from(format!("{scheme}{slashes}{host}{rest}"))
    });
    prop_oneof![4 => url, 1 => odd_value()]
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
    fn any_bytes_as_discovery_document(body in vec(any::<u8>(), 0..200), text in any::<String>()) {
        check_metadata(&body)?;
        check_metadata(text.as_bytes())?;
    }

    #[test]
    fn a_discovery_document_with_pieces_replaced(
        body in spliced(discovery_document().to_string().into_bytes()),
    ) {
        check_metadata(&body)?;
    }

    #[test]
    fn a_discovery_document_with_odd_members(
        document in with_odd_members(discovery_document(), odd_endpoint()),
    ) {
        check_metadata(document.to_string().as_bytes())?;
    }

    #[test]
    fn any_bytes_as_key_set(body in vec(any::<u8>(), 0..200), text in any::<String>()) {
        check_keys(&body)?;
        check_keys(text.as_bytes())?;
        let _ = asymmetric(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn a_key_set_with_pieces_replaced(body in spliced(key_set_document(&PROVIDER))) {
        check_keys(&body)?;
    }

    #[test]
    fn a_key_with_odd_members(jwk in with_odd_members(PROVIDER.jwk.clone(), odd_value())) {
        check_keys(json!({"keys": [jwk]}).to_string().as_bytes())?;
    }
}

const PARAMETERS: [&str; 5] = ["state", "code", "error", "error_description", "iss"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_as_authorization_response(text in any::<String>(), query in "[a-z=&%+;0-9]{0,60}") {
        for text in [text, query] {
            let _ = AuthorizationResponse::parse(&text);
        }
    }

    #[test]
    fn a_response_holds_what_was_sent_and_nothing_twice(
        pairs in vec((prop_oneof![select(&PARAMETERS[..]).prop_map(str::to_owned), any::<String>()], any::<String>()), 0..6),
    ) {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&pairs)
            .finish();
        let values = |name: &str| -> Vec<&String> {
            pairs.iter().filter(|pair| pair.0 == name).map(|pair| &pair.1).collect()
        };
        match AuthorizationResponse::parse(&query) {
            Ok(response) => {
                let code = response.code.map(|code| code.expose_secret().to_owned());
                let error = response.error.map(|error| error.code().to_owned());
                let found = [
                    response.state, code, error, response.error_description, response.issuer,
                ];
                for (name, found) in PARAMETERS.into_iter().zip(found) {
                    let sent = values(name);
                    prop_assert!(sent.len() <= 1);
                    let sent = sent.first().filter(|value| !value.is_empty());
                    prop_assert_eq!(found.as_ref(), sent.copied());
                }
            }
            Err(MalformedResponse::Twice(name)) => prop_assert!(values(&name).len() > 1),
        }
    }

    #[test]
    fn whatever_the_state_an_attempt_is_retried_twice_at_most(state in "\\PC*|[a-z]{0,5}~[0-9+~-]{0,4}") {
        let retry = |stale: Attempt| Attempt::retry_of(&stale.state);
        let third = Attempt::retry_of(&state).and_then(retry).and_then(retry);
        prop_assert!(third.is_none());
    }
}
