//! The ID token of a refresh, compared with that of the sign-in (OpenID Connect Core 12.2).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use super::{Claims, Expectation, IdTokenError, Nonce, judge_but_for_expiry};
use crate::oidc::flow::groups::GroupsClaim;
use crate::oidc::jose::jws::Verified;

/// What a refreshed ID token is compared with.
pub struct Former<'a> {
    /// The ID token of the sign-in, which was verified then.
    pub id_token: &'a str,
    /// The person's subject.
    pub subject: &'a str,
    /// When the latest ID token was issued, in UTC, if that was not the one of the sign-in.
    pub issued_at: Option<OffsetDateTime>,
}

/// What is new in a refreshed ID token.
#[derive(Debug, PartialEq)]
pub struct Renewed {
    /// When it was issued, in UTC.
    pub issued_at: OffsetDateTime,
    /// When the provider's session ends, in UTC, if it says so.
    pub session_expiry: Option<OffsetDateTime>,
}

/// Why a refreshed ID token is refused.
#[derive(Debug, PartialEq)]
pub enum RefreshedTokenError {
    /// As any ID token would be.
    IdToken(IdTokenError),
    /// This claim is not that of the sign-in.
    Differs(&'static str),
    /// It was issued before the latest one.
    Older,
    /// It is of this sign-in, and the provider's session is over.
    SessionOver,
}

impl fmt::Display for RefreshedTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RefreshedTokenError::IdToken(cause) => cause.fmt(f),
            RefreshedTokenError::Differs(claim) => {
                write!(f, "its {claim} is not that of the sign-in")
            }
            RefreshedTokenError::Older => f.write_str("its iat is before that of the latest one"),
            RefreshedTokenError::SessionOver => f.write_str("its session_expiry is past"),
        }
    }
}

impl From<IdTokenError> for RefreshedTokenError {
    fn from(cause: IdTokenError) -> Self {
        RefreshedTokenError::IdToken(cause)
    }
}

/// Judges what the provider signed as the ID token of a refresh.
///
/// # Errors
/// The first check that fails.
pub fn judge_refreshed(
    signed: &Verified,
    former: &Former<'_>,
    (issuer, client_id, access_token): (&str, &str, &str),
    groups: &GroupsClaim,
    now: OffsetDateTime,
) -> Result<Renewed, RefreshedTokenError> {
    let first = read(former.id_token, groups).ok_or(RefreshedTokenError::Differs("form"))?;
    let expected = Expectation {
        issuer,
        client_id,
        nonce: Nonce::NoneOr(first.nonce.as_deref()),
        access_token,
        groups,
    };
    let claims = judge_but_for_expiry(signed, &expected, now)?;
    let renewed = compare(&claims, &first, former)?;
    let session = claims.judge_session(now);
    session.map_err(|_| RefreshedTokenError::SessionOver)?;
    Ok(renewed)
}

fn compare(
    claims: &Claims,
    first: &Claims,
    former: &Former<'_>,
) -> Result<Renewed, RefreshedTokenError> {
    let differs = |claim| Err(RefreshedTokenError::Differs(claim));
    if claims.sub != first.sub || claims.sub != former.subject {
        return differs("sub");
    }
    if claims.iss != first.iss {
        return differs("iss");
    }
    if claims.aud != first.aud {
        return differs("aud");
    }
    if let (Some(found), Some(expected)) = (claims.auth_time, first.auth_time)
        && found != expected
    {
        return differs("auth_time");
    }
    let issued_at = claims.iat.time();
    match issued_at < former.issued_at.unwrap_or(first.iat.time()) {
        true => Err(RefreshedTokenError::Older),
        false => Ok(Renewed {
            issued_at,
            session_expiry: claims.session_expiry,
        }),
    }
}

/// The claims of an ID token that was verified before.
fn read(id_token: &str, groups: &GroupsClaim) -> Option<Claims> {
    let payload = id_token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    Claims::read(&payload, groups).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_800_000_000;

    fn claims(changes: &Value) -> Claims {
        let mut claims = json!({
            "iss": "https://op.example", "sub": "00u1", "aud": ["id"], "nonce": "n", "auth_time": NOW,
            "exp": NOW + 300, "iat": NOW,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        Claims::read(claims.to_string().as_bytes(), &GroupsClaim::default()).unwrap()
    }

    fn compared(changes: &Value, issued_at: Option<i64>) -> Result<Renewed, RefreshedTokenError> {
        let at = |secs| OffsetDateTime::from_unix_timestamp(secs).unwrap();
        let former = Former {
            id_token: "",
            subject: "00u1",
            issued_at: issued_at.map(at),
        };
        compare(&claims(changes), &claims(&json!({})), &former)
    }

    /// Core 12.2
    #[test]
    fn a_refreshed_id_token_says_what_that_of_the_sign_in_said() {
        assert!(compared(&json!({}), None).is_ok());
        assert!(compared(&json!({"iat": NOW + 900, "aud": "id"}), Some(NOW + 900)).is_ok());
        for (claim, changed) in [
            ("sub", json!({"sub": "00u2"})),
            ("iss", json!({"iss": "https://other.example"})),
            ("aud", json!({"aud": ["id", "other"]})),
            ("auth_time", json!({"auth_time": NOW + 1})),
        ] {
            let refused = Err(RefreshedTokenError::Differs(claim));
            assert_eq!(compared(&changed, None), refused);
        }
        let older = Err(RefreshedTokenError::Older);
        assert_eq!(compared(&json!({"iat": NOW - 1}), None), older);
        assert_eq!(compared(&json!({}), Some(NOW + 1)), older);
    }

    #[test]
    fn its_nonce_is_the_old_one_or_not_there() {
        for (nonce, found, expected) in [
            (Nonce::NoneOr(Some("n")), None, Ok(())),
            (Nonce::NoneOr(Some("n")), Some("n"), Ok(())),
            (
                Nonce::NoneOr(Some("n")),
                Some("m"),
                Err(IdTokenError::Nonce),
            ),
            (Nonce::NoneOr(None), Some("n"), Err(IdTokenError::Nonce)),
            (Nonce::Of("n"), None, Err(IdTokenError::NoNonce)),
            (Nonce::Of("n"), Some("m"), Err(IdTokenError::Nonce)),
        ] {
            assert_eq!(nonce.judge(found), expected);
        }
    }
}
