//! Each check of the claims by itself.

use super::*;
use crate::oidc::jose::jws::JwsError;

/// The first is that of OpenID Connect Core, A.3; the others differ from it by their hash.
#[test]
fn the_hash_of_an_access_token_is_that_of_the_signatures_algorithm() {
    let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    let hash = |alg| access_token_hash(alg, access_token);
    assert_eq!(hash(Algorithm::RS256), "77QmUPtjPfzWtF2AnpK9RQ");
    for alg in [Algorithm::PS256, Algorithm::ES256] {
        assert_eq!(hash(alg), hash(Algorithm::RS256));
    }
    for (alg, characters) in [
        (Algorithm::RS384, 32),
        (Algorithm::PS384, 32),
        (Algorithm::ES384, 32),
        (Algorithm::RS512, 43),
        (Algorithm::PS512, 43),
        (Algorithm::EdDSA, 43),
    ] {
        assert_eq!(hash(alg).len(), characters, "{alg:?}");
    }
}

const NOW: i64 = 1_800_000_000;

/// How good claims are judged once they are changed so.
fn judged(changes: serde_json::Value) -> Result<(), IdTokenError> {
    let mut claims = serde_json::json!({
        "iss": "https://op.example", "sub": "00u1", "aud": "id", "nonce": "n",
        "exp": NOW + 300, "iat": NOW,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let groups = &GroupsClaim::default();
    let claims = Claims::read(claims.to_string().as_bytes(), groups)?;
    let expected = Expectation {
        issuer: "https://op.example",
        client_id: "id",
        nonce: Nonce::Of("n"),
        access_token: "a",
        groups,
    };
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    judge_claims(&claims, Algorithm::RS256, &expected, now)?;
    claims.judge_session(now)
}

#[test]
fn its_time_counts_with_a_minute_to_either_side() {
    use serde_json::json;
    assert_eq!(judged(json!({"exp": NOW - 59})), Ok(()));
    let expired = judged(json!({"exp": NOW - 60}));
    assert_eq!(expired, Err(IdTokenError::Expired));
    for name in ["iat", "nbf"] {
        assert_eq!(judged(json!({name: NOW + 60})), Ok(()));
        let early = judged(json!({name: NOW + 61}));
        assert_eq!(early, Err(IdTokenError::NotYetValid), "{name}");
    }
}

#[test]
fn among_several_audiences_it_must_say_that_it_was_made_for_us() {
    use serde_json::json;
    let refused = Err(IdTokenError::AuthorizedParty);
    assert_eq!(judged(json!({"aud": ["id"]})), Ok(()));
    let silent = judged(json!({"aud": ["id", "b"]}));
    assert_eq!(silent, Err(IdTokenError::NoAuthorizedParty));
    assert_eq!(judged(json!({"aud": ["id", "b"], "azp": "b"})), refused);
    assert_eq!(judged(json!({"aud": ["id", "b"], "azp": "id"})), Ok(()));
}

#[test]
fn the_access_tokens_hash_must_fit_where_it_is_given() {
    use serde_json::json;
    let at_hash = access_token_hash(Algorithm::RS256, "a");
    assert_eq!(judged(json!({"at_hash": at_hash})), Ok(()));
    let of_another = access_token_hash(Algorithm::RS256, "b");
    let refused = judged(json!({"at_hash": of_another}));
    assert_eq!(refused, Err(IdTokenError::AccessTokenHash));
}

#[test]
fn a_subject_has_255_printable_bytes_at_most() {
    use serde_json::json;
    assert_eq!(judged(json!({"sub": "a".repeat(255)})), Ok(()));
    for sub in ["", "a\0", "a\nb", &"a".repeat(256)] {
        let refused = judged(json!({"sub": sub}));
        assert_eq!(refused, Err(IdTokenError::Subject), "{sub:?}");
    }
}

#[test]
fn the_log_says_which_check_failed() {
    for (error, text) in [
        (
            JwsError::AmbiguousKey.into(),
            "it has no kid and several keys are published",
        ),
        (
            IdTokenError::Issuer("https://evil.example".to_owned()),
            "its iss is \"https://evil.example\", not OIDC_ISSUER",
        ),
        (
            IdTokenError::AuthorizedParty,
            "its azp is not OIDC_CLIENT_ID",
        ),
        (
            IdTokenError::NoAuthorizedParty,
            "it has several audiences and no azp",
        ),
        (IdTokenError::NoNonce, "it has no nonce"),
        (IdTokenError::NotYetValid, "it is not valid yet"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

/// Back-Channel Logout 1.0, 2.4
#[test]
fn a_token_with_events_is_no_id_token() {
    for events in [serde_json::json!({}), serde_json::json!(null)] {
        let refusal = judged(serde_json::json!({"events": events}));
        assert_eq!(refusal, Err(IdTokenError::Events), "{events}");
    }
}

/// IPSIE 3.2.2 (o)
#[test]
fn the_providers_session_must_go_on_and_its_end_be_in_seconds() {
    use serde_json::json;
    for (session_expiry, refusal) in [
        (json!(NOW + 1), None),
        (json!(100_000_000_000_u64), None),
        (json!(NOW), Some(IdTokenError::SessionOver)),
        (json!(NOW as f64 + 0.9), Some(IdTokenError::SessionOver)),
        (json!(0), Some(IdTokenError::SessionOver)),
    ] {
        let judged = judged(json!({"session_expiry": session_expiry}));
        assert_eq!(judged.err(), refusal, "{session_expiry}");
    }
    for malformed in [
        json!(100_000_000_001_u64),
        json!((NOW + 300) * 1000),
        json!((NOW + 300).to_string()),
        json!(-1),
        json!(null),
        json!([NOW + 300]),
    ] {
        let judged = judged(json!({"session_expiry": malformed}));
        let is_malformed = matches!(judged, Err(IdTokenError::Claim(_)));
        assert!(is_malformed, "{malformed}: {judged:?}");
    }
}
