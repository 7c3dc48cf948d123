//! What the fuzz targets in `fuzz/` call, each with bytes that libFuzzer makes up; a panic is a finding.
//! Only there under `--cfg fuzzing`, which cargo-fuzz sets: no other build has this door.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use secrecy::SecretSlice;
use serde_json::{Value, json};
use url::{Position, Url};

use crate::http::paths;
use crate::oidc::example::{self, AT_HASH, CLIENT_ID, ISSUER, NONCE, NOW, verify};
use crate::oidc::internals::{KeySet, Signer, parse_discovery};
use crate::oidc::{Attempt, AuthorizationResponse};
use crate::session::internals::Keys;
use crate::session::{LoginAttempt, ReturnTo};

/// The text is a `return_to`: what is kept of it stays on our origin, and is kept as it is when it comes again.
pub fn return_to(input: &[u8]) {
    static PUBLIC_URL: LazyLock<Url> =
        LazyLock::new(|| Url::parse("https://app.example.com").unwrap());
    let Ok(wanted) = std::str::from_utf8(input) else {
        return;
    };
    let Some(return_to) = ReturnTo::parse(wanted, &PUBLIC_URL) else {
        return;
    };
    let kept = return_to.as_str();
    assert!(kept.starts_with('/') && !kept.starts_with("//"), "{kept}");
    assert!(
        kept.bytes().all(|b| b.is_ascii_graphic() && b != b'\\'),
        "{kept}"
    );
    let url = PUBLIC_URL.join(kept).unwrap();
    assert_eq!(url.origin(), PUBLIC_URL.origin());
    assert_eq!(&url[Position::BeforePath..], kept);
    for route in [paths::LOGIN, paths::LOGOUT, paths::CALLBACK] {
        assert_ne!(url.path(), route);
    }
    let path = url.path().to_ascii_lowercase();
    for hidden in ["/%2f", "/%5c"] {
        assert!(!path.starts_with(hidden), "{kept}");
    }
    assert_eq!(ReturnTo::parse(kept, &PUBLIC_URL), Some(return_to));
}

/// The text stands in the cookie of an attempt. After a `!` it is what we sealed ourselves.
pub fn cookies(input: &[u8]) {
    static KEYS: LazyLock<Keys> =
        LazyLock::new(|| Keys::derive(&SecretSlice::from((0..64).collect::<Vec<u8>>())));
    const PLACE: &str = "__Host-doorward-login-abcdefghijklmnop";
    /// What is in the seeds, and the only thing ever sealed with this key.
    const PLAIN: &[u8] = br#"{"state":"s","nonce":"n","code_verifier":"v","return_to":"/profile","began_at":1800000000}"#;
    let opened = match input.split_first() {
        Some((b'!', plain)) => {
            let sealed = KEYS.attempts.seal(PLACE, plain.to_vec());
            assert_eq!(KEYS.attempts.open("elsewhere", &sealed), None);
            assert_eq!(KEYS.sessions.open(PLACE, &sealed), None);
            let mut changed = sealed.clone().into_bytes();
            let at = plain.first().map_or(0, |at| usize::from(*at)) % changed.len();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(KEYS.attempts.open(PLACE, &changed), None);
            let opened = KEYS.attempts.open(PLACE, &sealed);
            assert_eq!(opened.as_deref(), Some(plain));
            opened
        }
        _ => {
            let opened = std::str::from_utf8(input)
                .ok()
                .and_then(|sealed| KEYS.attempts.open(PLACE, sealed));
            assert!(opened.as_deref().is_none_or(|opened| opened == PLAIN));
            opened
        }
    };
    let _ = opened.and_then(|plain| LoginAttempt::read(&plain));
}

/// `header`, a line break and `claims`: signed, they are taken only if they are ours. Without a line break, a
/// whole token, which nobody signed; after a `#`, changes of a good one, each a place and a byte.
pub fn id_token(input: &[u8]) {
    static PROVIDER: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::ES256));
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| PROVIDER.key_set());
    static GOOD: LazyLock<String> =
        LazyLock::new(|| PROVIDER.sign(&json!({"alg": "ES256"}), &example::claims()));
    if let Some((b'#', changes)) = input.split_first() {
        let mut token = GOOD.clone().into_bytes();
        for change in changes.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % token.len();
            token[at] = change[2];
        }
        if let Ok(token) = std::str::from_utf8(&token) {
            assert_eq!(verify(token, &KEYS).is_ok(), token == *GOOD);
        }
        return;
    }
    let Some(line) = input.iter().position(|byte| *byte == b'\n') else {
        let token = String::from_utf8_lossy(input);
        assert!(verify(&token, &KEYS).is_err());
        return;
    };
    let (header, claims) = (&input[..line], &input[line + 1..]);
    if verify(&PROVIDER.sign_bytes(header, claims), &KEYS).is_ok() {
        check_accepted(header, claims);
    }
}

/// What the standard asks, of what was accepted. Members that nobody reads may hold what is no JSON text
/// (half a surrogate pair, `1e999`): then only the typed parser has an opinion.
fn check_accepted(header: &[u8], claims: &[u8]) {
    if let Ok(header) = serde_json::from_slice::<Value>(header) {
        assert_eq!(header["alg"], "ES256");
        assert!(header.get("crit").is_none());
        assert!(header.get("kid").is_none_or(|kid| kid == "a"));
    }
    if let Ok(claims) = serde_json::from_slice::<Value>(claims) {
        let now = NOW as f64;
        assert_eq!(claims["iss"], ISSUER);
        assert_eq!(claims["nonce"], NONCE);
        assert!(claims["exp"].as_f64().unwrap() + 60.0 > now);
        assert!(claims["iat"].as_f64().unwrap() - 60.0 <= now);
        assert!(claims.get("at_hash").is_none_or(|hash| hash == AT_HASH));
        assert!(claims.get("azp").is_none_or(|party| party == CLIENT_ID));
        match &claims["aud"] {
            Value::Array(list) => {
                assert!(list.contains(&json!(CLIENT_ID)));
                assert!(list.len() == 1 || claims["azp"] == CLIENT_ID);
            }
            audience => assert_eq!(audience, CLIENT_ID),
        }
        assert!((1..=255).contains(&claims["sub"].as_str().unwrap().len()));
    }
}

/// A discovery document: accepted, it is the issuer's and leads to nothing in the clear.
pub fn discovery(input: &[u8]) {
    let Ok(metadata) = parse_discovery(input, ISSUER) else {
        return;
    };
    #[derive(serde::Deserialize)]
    struct Document {
        issuer: String,
    }
    let document: Document = serde_json::from_slice(input).unwrap();
    assert_eq!(document.issuer, ISSUER);
    let endpoints = [
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
        &metadata.jwks_uri,
    ];
    let optional = [&metadata.userinfo_endpoint, &metadata.end_session_endpoint];
    for endpoint in endpoints.into_iter().chain(optional.into_iter().flatten()) {
        let host = endpoint.host_str().unwrap_or_default();
        let is_loopback = host == "localhost"
            || host.ends_with(".localhost")
            || host == "[::1]"
            || host.starts_with("127.") && host.parse::<std::net::Ipv4Addr>().is_ok();
        assert!(!host.is_empty());
        assert!(endpoint.scheme() == "https" || endpoint.scheme() == "http" && is_loopback);
    }
}

/// A key set: whatever keys it brings, they verify no token that nobody signed.
pub fn keys(input: &[u8]) {
    static UNSIGNED: LazyLock<Vec<String>> = LazyLock::new(|| {
        let claims = URL_SAFE_NO_PAD.encode(example::claims().to_string());
        let mut tokens = Vec::new();
        for (alg, length) in [("ES256", 64), ("EdDSA", 64), ("RS256", 256)] {
            for header in [json!({"alg": alg}), json!({"alg": alg, "kid": "a"})] {
                let header = URL_SAFE_NO_PAD.encode(header.to_string());
                let signature = URL_SAFE_NO_PAD.encode(vec![7; length]);
                tokens.push(format!("{header}.{claims}.{signature}"));
            }
        }
        tokens
    });
    if let Ok(keys) = KeySet::parse(input) {
        for token in UNSIGNED.iter() {
            assert!(verify(token, &keys).is_err());
        }
    }
}

/// An authorization response: nothing of the standard's comes twice, and no state begins again for ever.
pub fn response(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let retry = |stale: Attempt| Attempt::retry_of(&stale.state);
    let third = Attempt::retry_of(&text).and_then(retry).and_then(retry);
    assert!(third.is_none());
    let Ok(response) = AuthorizationResponse::parse(&text) else {
        return;
    };
    for (name, found) in [
        ("state", response.state),
        ("error", response.error.map(|error| error.code().to_owned())),
        ("error_description", response.error_description),
        ("iss", response.issuer),
    ] {
        let mut sent = url::form_urlencoded::parse(text.as_bytes()).filter(|pair| pair.0 == name);
        let first = sent.next().map(|pair| pair.1.into_owned());
        assert!(sent.next().is_none());
        assert_eq!(found, first.filter(|value| !value.is_empty()));
    }
}
