//! What a provider sends: tokens, documents, authorization responses and heads of HTTP responses.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::oidc::example::{self, AT_HASH, CLIENT_ID, ISSUER, NONCE, NOW, verify};
use crate::oidc::internals::{Head, KeySet, Signer, parse_discovery, read_head};
use crate::oidc::{Attempt, AuthorizationResponse};

/// A header, a line break and claims, which are signed: they are accepted only if they are ours. Without a line break, a
/// whole token that nobody signed. After a `#`, changes to a valid token, each a position and a byte.
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

/// The checks of OpenID Connect Core again. A member that Doorward does not read may hold what serde_json can't read (half
/// a surrogate pair, `1e999`): then there is nothing to compare.
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

/// A discovery document: if it is accepted, it is the issuer's and names no endpoint without TLS.
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

/// A key set: whatever keys it has, they verify no token that nobody signed.
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

/// An authorization response: no parameter of the standard appears twice, and no state is retried for ever.
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

/// The beginning of a connection: what is read as a head is part of it, is read the same once more of it has come, and
/// says the same after it was rewritten for the HTTP client.
pub fn response_head(input: &[u8]) {
    let Some((length, head)) = read_head(input) else {
        return;
    };
    assert!(length <= input.len());
    let Head::Final { framing } = head else {
        return;
    };
    let mut rewritten = input[..length].to_vec();
    framing.rewrite(&mut rewritten);
    assert!(rewritten.len() >= length);
    if let Some((again, Head::Final { framing: told })) = read_head(&rewritten) {
        assert_eq!(again, rewritten.len());
        assert_eq!(told.ends_with_connection, framing.ends_with_connection);
    }
}
