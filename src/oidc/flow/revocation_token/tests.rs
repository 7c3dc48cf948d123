//! Each check by itself.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::oidc::example::{CLIENT_ID, ISSUER, NOW};
use crate::oidc::jose::jws::{self, Expected};
use crate::oidc::jose::signer::Signer;

const AUDIENCE: &str = "https://doorward.example/universal-logout";

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": CLIENT_ID, "jti": "j1",
        // As Okta sends them.
        "nbf": NOW - 300, "iat": NOW, "exp": NOW + 300,
    })
}

/// How a good token is judged once its claims are changed so; a claim that becomes null is removed.
fn judged(typ: &str, changes: Value) -> Result<RevocationToken, RevocationTokenError> {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
    }
    judged_as(typ, &claims)
}

fn judged_as(typ: &str, claims: &Value) -> Result<RevocationToken, RevocationTokenError> {
    let signer = Signer::new(Algorithm::ES256);
    let token = signer.sign(&json!({"alg": "ES256", "kid": "a", "typ": typ}), claims);
    let expected = Expected {
        algs: &[Algorithm::ES256],
        typ: TYP,
    };
    let signed = jws::verify(&token, &signer.key_set(), &expected);
    let expected = Expectation {
        issuer: ISSUER,
        audience: AUDIENCE,
        client_id: CLIENT_ID,
    };
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    judge(&signed.map_err(RevocationTokenError::Jws)?, &expected, now)
}

const KIND: &str = "global-token-revocation+jwt";

/// Universal Logout Okta (c)
#[test]
fn a_token_as_okta_sends_it_is_accepted() {
    let token = judged(KIND, json!({})).unwrap();
    assert_eq!(token.jti, "j1");
    assert_eq!(token.exp.unix_timestamp(), NOW + 300);
    for changes in [
        json!({"nbf": null}),
        json!({"aud": [AUDIENCE]}),
        json!({"exp": NOW + 600}),
        json!({"exp": NOW - 59, "iat": NOW - 300}),
    ] {
        assert!(judged(KIND, changes.clone()).is_ok(), "{changes}");
    }
}

/// Universal Logout Okta (a)
/// Universal Logout Okta (b)
/// Universal Logout Okta (c)
/// Universal Logout Okta (d)
#[test]
fn every_other_token_is_refused() {
    use RevocationTokenError as Error;
    for typ in ["JWT", "logout+jwt", "global-token-revocation", ""] {
        let refusal = judged(typ, json!({}));
        assert!(
            matches!(refusal, Err(Error::Jws(JwsError::Type { .. }))),
            "{typ}: {refusal:?}"
        );
    }
    for (changes, refusal) in [
        (
            json!({"aud": [AUDIENCE, "other"]}),
            Error::Audience(format!("\"{AUDIENCE} other\"")),
        ),
        (
            json!({"aud": format!("{AUDIENCE}?")}),
            Error::Audience(format!("\"{AUDIENCE}?\"")),
        ),
        (
            json!({"aud": format!("{AUDIENCE}/")}),
            Error::Audience(format!("\"{AUDIENCE}/\"")),
        ),
        (json!({"sub": "00u1"}), Error::Subject),
        (json!({"exp": NOW - 60}), Error::Expired),
        (json!({"iat": NOW + 61}), Error::NotYetValid),
        (json!({"nbf": NOW + 61}), Error::NotYetValid),
        (json!({"exp": NOW + 601}), Error::Lifetime),
        (json!({"jti": ""}), Error::Id),
        (json!({"nonce": "n"}), Error::OtherKind("nonce")),
        (json!({"events": {}}), Error::OtherKind("events")),
    ] {
        assert_eq!(judged(KIND, changes.clone()), Err(refusal), "{changes}");
    }
    let issuer = judged(KIND, json!({"iss": "https://org.example"})).unwrap_err();
    assert_eq!(
        issuer.to_string(),
        format!(
            "its iss is \"https://org.example\", expected \"{ISSUER}\" (UNIVERSAL_LOGOUT_ISSUER, else OIDC_ISSUER)"
        )
    );
    for changes in [
        json!({"iss": null}),
        json!({"aud": null}),
        json!({"aud": [AUDIENCE, 5]}),
        json!({"sub": null}),
        json!({"exp": null}),
        json!({"iat": null}),
        json!({"exp": "1800000300"}),
        json!({"jti": null}),
    ] {
        let refusal = judged(KIND, changes.clone());
        assert!(
            matches!(refusal, Err(Error::Claim(_))),
            "{changes}: {refusal:?}"
        );
    }
    // A claim of null is one.
    for other in ["nonce", "events"] {
        let mut claims = claims();
        claims[other] = Value::Null;
        assert_eq!(judged_as(KIND, &claims), Err(Error::OtherKind(other)));
    }
}
