//! What is true for any input: proptest makes up tokens, documents and responses, different ones in each run. It keeps
//! those that fail in `proptest-regressions/` and tries them first from then on.

mod discovery;
mod id_token;
mod key_set;
mod response;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use crate::oidc::example::{AT_HASH, CLIENT_ID, ISSUER, NONCE, NOW};

const YEAR_10000: f64 = 253_402_300_800.0;

/// A value that some member of some document may have, often one that nearly fits.
pub(super) fn odd_value() -> impl Strategy<Value = Value> {
    let texts: &'static [&str] = &[
        "",
        "a",
        ISSUER,
        "https://op.example/",
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
pub(super) fn with_odd_members(
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
pub(super) fn spliced(text: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
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
