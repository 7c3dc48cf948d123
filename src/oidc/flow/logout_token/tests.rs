//! Each check by itself, and each kind of token as each other kind.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::oidc::example::{CLIENT_ID, ISSUER, NOW};
use crate::oidc::flow::revocation_token;
use crate::oidc::jose::jws::{self, Expected};
use crate::oidc::jose::signer::Signer;

const ALGS: &[Algorithm] = &[Algorithm::ES256];

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT_ID, "iat": NOW, "exp": NOW + 120, "jti": "j1",
        "sub": "00u1", "sid": "s1", "events": {EVENT: {}},
    })
}

fn judged_as(typ: Value, claims: &Value) -> Result<LogoutToken, LogoutTokenError> {
    let signer = Signer::new(Algorithm::ES256);
    let mut header = json!({"alg": "ES256", "kid": "a"});
    if !typ.is_null() {
        header["typ"] = typ;
    }
    let token = signer.sign(&header, claims);
    let expected = Expected {
        algs: ALGS,
        typ: TYP,
    };
    let signed =
        jws::verify(&token, &signer.key_set(), &expected).map_err(LogoutTokenError::Jws)?;
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    judge(&signed, ISSUER, CLIENT_ID, now)
}

/// How a good token is judged once its claims are changed so; a claim that becomes null is removed.
fn judged(changes: Value) -> Result<LogoutToken, LogoutTokenError> {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
    }
    judged_as(json!("logout+jwt"), &claims)
}

/// Back-Channel 2.4 (b)
/// Back-Channel 2.4 (e)
#[test]
fn a_logout_token_names_a_person_or_a_session_or_both() {
    let (sub, sid) = ("00u1".to_owned(), "s1".to_owned());
    for (changes, who) in [
        (
            json!({}),
            Who::Both {
                sub: sub.clone(),
                sid: sid.clone(),
            },
        ),
        (json!({"sid": null}), Who::Subject(sub)),
        (json!({"sub": null}), Who::Session(sid)),
    ] {
        let token = judged(changes).unwrap();
        assert_eq!(token.who, who);
        assert_eq!(token.jti, "j1");
        assert_eq!(token.exp.unix_timestamp(), NOW + 120);
    }
    for typ in [
        json!(null),
        json!("JWT"),
        json!("logout+jwt"),
        json!("application/logout+jwt"),
    ] {
        assert!(judged_as(typ.clone(), &claims()).is_ok(), "{typ}");
    }
}

/// Back-Channel 2.4 (a)
/// Back-Channel 2.6 (4)
/// Back-Channel 2.6 (5 to 7)
#[test]
fn whatever_is_missing_or_odd_is_refused() {
    use LogoutTokenError as Error;
    let long = "x".repeat(512 + 1);
    for (changes, refusal) in [
        (
            json!({"iss": "https://evil.example"}),
            Error::Issuer("https://evil.example".to_owned()),
        ),
        (
            json!({"aud": "other"}),
            Error::Audience("\"other\"".to_owned()),
        ),
        (json!({"aud": []}), Error::Audience("\"\"".to_owned())),
        (json!({"exp": null}), Error::NoExpiry),
        (json!({"exp": NOW - 60}), Error::Expired),
        (json!({"iat": NOW + 61}), Error::NotYetValid),
        (json!({"nbf": NOW + 61}), Error::NotYetValid),
        (json!({"events": null}), Error::Event),
        (json!({"events": {}}), Error::Event),
        (json!({"events": [EVENT]}), Error::Event),
        (json!({"events": EVENT}), Error::Event),
        (json!({"events": {EVENT: true}}), Error::Event),
        (json!({"events": {EVENT: []}}), Error::Event),
        (
            json!({"events": {"http://schemas.openid.net/event/other": {}}}),
            Error::Event,
        ),
        (json!({"nonce": "n"}), Error::Nonce),
        (json!({"nonce": 5}), Error::Nonce),
        (json!({"sub": null, "sid": null}), Error::Subject),
        (json!({"sub": ""}), Error::Subject),
        (json!({"sid": ""}), Error::Subject),
        (json!({"sid": "a\nb"}), Error::Subject),
        (json!({"sid": long}), Error::Subject),
        (json!({"jti": ""}), Error::Id),
        (json!({"jti": long}), Error::Id),
    ] {
        assert_eq!(judged(changes.clone()), Err(refusal), "{changes}");
    }
    for changes in [
        json!({"iss": null}),
        json!({"iss": 5}),
        json!({"aud": null}),
        json!({"aud": [CLIENT_ID, 5]}),
        json!({"exp": "soon"}),
        json!({"iat": null}),
        json!({"iat": "now"}),
        json!({"jti": null}),
        json!({"jti": 5}),
        json!({"sub": 5}),
        json!({"sid": ["s1"]}),
        json!({"nbf": "now"}),
    ] {
        let refusal = judged(changes.clone());
        assert!(
            matches!(refusal, Err(Error::Claim(_))),
            "{changes}: {refusal:?}"
        );
    }
    // A nonce of null is a nonce.
    let mut claims = claims();
    claims["nonce"] = Value::Null;
    assert_eq!(judged_as(json!("JWT"), &claims), Err(Error::Nonce));
}

/// Back-Channel 2.4 (d)
#[test]
fn what_more_is_in_it_does_not_count() {
    for changes in [
        json!({"events": {EVENT: {"revoke_offline_access": true}, "other": 5}}),
        json!({"aud": ["other", CLIENT_ID]}),
        json!({"trace_id": {"a": 1}}),
        json!({"exp": NOW - 59}),
        json!({"iat": NOW + 60}),
        json!({"iat": NOW - 86_400}),
    ] {
        assert!(judged(changes.clone()).is_ok(), "{changes}");
    }
}

/// Three kinds, and each is refused as each of the others.
///
/// Back-Channel 4.1 (a)
#[test]
fn a_token_of_one_kind_is_refused_as_each_of_the_others() {
    let signer = Signer::new(Algorithm::ES256);
    let keys = signer.key_set();
    let logout = claims();
    let id = crate::oidc::example::claims();
    let revocation = json!({
        "iss": ISSUER, "aud": "https://doorward.example/universal-logout", "sub": CLIENT_ID, "iat": NOW,
        "exp": NOW + 300, "jti": "j1",
    });
    let kinds = ["id", "logout", "revocation"];
    // With its own `typ`, with that of the other kind, and with none.
    let typs = [
        None,
        Some("JWT"),
        Some("logout+jwt"),
        Some("global-token-revocation+jwt"),
    ];
    let own = [
        Some("JWT"),
        Some("logout+jwt"),
        Some("global-token-revocation+jwt"),
    ];
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    for (kind, claims) in kinds.into_iter().zip([id, logout, revocation]) {
        for typ in typs {
            let mut header = json!({"alg": "ES256", "kid": "a"});
            if let Some(typ) = typ {
                header["typ"] = typ.into();
            }
            let token = signer.sign(&header, &claims);
            let signed = |typ| jws::verify(&token, &keys, &Expected { algs: ALGS, typ }).ok();
            let as_id = crate::oidc::example::verify(&token, &keys).is_ok();
            let as_logout =
                signed(TYP).is_some_and(|it| judge(&it, ISSUER, CLIENT_ID, now).is_ok());
            let expected = revocation_token::Expectation {
                issuer: ISSUER,
                audience: "https://doorward.example/universal-logout",
                client_id: CLIENT_ID,
            };
            let as_revocation = signed(revocation_token::TYP)
                .is_some_and(|it| revocation_token::judge(&it, &expected, now).is_ok());
            let is_own = |of: &str| kind == of;
            let accepted = [as_id, as_logout, as_revocation];
            for (of, accepted) in kinds.into_iter().zip(accepted) {
                assert!(
                    !accepted || is_own(of),
                    "a {kind} token with typ {typ:?} passed as {of}"
                );
            }
            if own.contains(&typ) && kinds.into_iter().zip(own).any(|pair| pair == (kind, typ)) {
                assert!(accepted.contains(&true), "{kind}");
            }
        }
    }
}
