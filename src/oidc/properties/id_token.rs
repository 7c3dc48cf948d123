//! An ID token is accepted if it is ours, and only then.

use std::sync::LazyLock;

use jsonwebtoken::Algorithm;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::{YEAR_10000, odd_value, spliced, with_odd_members};
use crate::oidc::example::{AT_HASH, CLIENT_ID, ISSUER, NONCE, NOW, claims, verify};
use crate::oidc::jose::key_set::KeySet;
use crate::oidc::jose::numeric_date::NumericDate;
use crate::oidc::jose::signer::Signer;

const LEEWAY: f64 = 60.0;

static PROVIDER: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::ES256));
static KEYS: LazyLock<KeySet> = LazyLock::new(|| PROVIDER.key_set());
static TOKEN: LazyLock<String> = LazyLock::new(|| PROVIDER.sign(&header(), &claims()));

fn header() -> Value {
    json!({"alg": "ES256", "kid": "a", "typ": "JWT"})
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
        && absent("events")
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
