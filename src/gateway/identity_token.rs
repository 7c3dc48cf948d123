//! What an app can verify of a visitor, however the request came to it: the claims of a signed token.

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::visitor::Visitor;

/// How long a token is valid.
pub const LIFETIME: Duration = Duration::minutes(2);

/// How long a token is sent again, so that it is valid for a while when it arrives.
pub const REUSED_FOR: Duration = Duration::MINUTE;

/// The longest claims, in bytes: a token of 4 KiB. Servers take 8 KiB for all headers, or 16.
const LIMIT: usize = 3072;

/// Where a token is for, and when and as what it was made.
#[derive(Clone, Copy, Debug)]
pub struct Issue<'a> {
    /// `PUBLIC_URL`.
    pub issuer: &'a str,
    /// The app's origin: no other app accepts the token.
    pub audience: &'a str,
    /// Unique.
    pub id: &'a str,
    /// Now, in UTC.
    pub at: OffsetDateTime,
}

/// The claims (RFC 7519, 4.1; Core, 2 and 5.1).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    iat: i64,
    exp: i64,
    jti: &'a str,
}

/// The claims about `visitor`, as JSON. An email is there if it is verified. What would make the token too long is left out,
/// each claim as a whole, since half a list of groups is wrong: the groups first, then the name, the `acr` and the email.
pub fn claims(visitor: &Visitor<'_>, issue: Issue<'_>) -> Vec<u8> {
    let mut claims = Claims {
        iss: issue.issuer,
        aud: issue.audience,
        sub: visitor.subject,
        email: visitor.verified_email(),
        name: visitor.name,
        groups: Some(visitor.groups),
        acr: visitor.acr,
        auth_time: visitor.auth_time.map(OffsetDateTime::unix_timestamp),
        iat: issue.at.unix_timestamp(),
        exp: (issue.at + LIFETIME).unix_timestamp(),
        jti: issue.id,
    };
    let leave_out: [fn(&mut Claims<'_>); 4] = [
        |claims| claims.groups = None,
        |claims| claims.name = None,
        |claims| claims.acr = None,
        |claims| claims.email = None,
    ];
    let mut json = to_json(&claims);
    for leave_out in leave_out {
        if json.len() <= LIMIT {
            break;
        }
        leave_out(&mut claims);
        json = to_json(&claims);
    }
    json
}

fn to_json(claims: &Claims<'_>) -> Vec<u8> {
    serde_json::to_vec(claims).expect("texts and numbers always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const AT: i64 = 1_800_000_000;

    fn ada<'a>() -> Visitor<'a> {
        Visitor {
            user_id: "1",
            subject: "00uada",
            name: Some("Ada Lovelace"),
            email: Some("ada@example.com"),
            email_verified: true,
            preferred_username: Some("ada"),
            groups: &[],
            acr: None,
            auth_time: None,
        }
    }

    fn claims_of(visitor: &Visitor<'_>) -> (Value, usize) {
        let issue = Issue {
            issuer: "https://auth.example.com",
            audience: "https://wiki.example.com",
            id: "1234567890123456789012",
            at: OffsetDateTime::from_unix_timestamp(AT).unwrap(),
        };
        let json = claims(visitor, issue);
        (serde_json::from_slice(&json).unwrap(), json.len())
    }

    #[test]
    fn a_token_says_who_asks_which_app_and_until_when() {
        let groups = ["staff".to_owned(), "a, \"b\"\n".to_owned()];
        let visitor = Visitor {
            groups: &groups,
            acr: Some("phr"),
            auth_time: Some(OffsetDateTime::from_unix_timestamp(AT - 60).unwrap()),
            ..ada()
        };
        let expected = json!({
            "iss": "https://auth.example.com", "aud": "https://wiki.example.com", "sub": "00uada",
            "email": "ada@example.com", "name": "Ada Lovelace", "groups": ["staff", "a, \"b\"\n"],
            "acr": "phr", "auth_time": AT - 60, "iat": AT, "exp": AT + 120, "jti": "1234567890123456789012",
        });
        assert_eq!(claims_of(&visitor).0, expected);
    }

    #[test]
    fn what_is_unknown_or_not_verified_is_absent() {
        let visitor = Visitor {
            email_verified: false,
            name: None,
            ..ada()
        };
        let (claims, _) = claims_of(&visitor);
        let names: Vec<&String> = claims.as_object().unwrap().keys().collect();
        assert_eq!(names, ["aud", "exp", "groups", "iat", "iss", "jti", "sub"]);
        assert_eq!(claims["groups"], json!([]), "in no group, which is known");
    }

    #[test]
    fn groups_are_all_there_or_the_claim_is_absent() {
        for (count, fits) in [(1, true), (130, true), (300, false), (1000, false)] {
            let groups: Vec<String> = (0..count).map(|at| format!("wiki-editors-{at}")).collect();
            let visitor = Visitor {
                groups: &groups,
                ..ada()
            };
            let (claims, len) = claims_of(&visitor);
            assert!(len <= LIMIT);
            assert_eq!(claims.get("groups"), fits.then_some(&json!(groups)));
            assert_eq!(claims["name"], "Ada Lovelace");
        }
    }

    proptest! {
        /// With the limits that `oidc` and `Host` keep.
        #[test]
        fn whoever_the_visitor_is_the_claims_are_json_and_not_too_long(
            subject in "[^\\p{Cc}]{1,63}|[\"\\\\]{255}",
            name in proptest::option::of(".{0,320}|\u{0}{320}|\u{10ffff}{320}"),
            email in proptest::option::of("[^ ]{1,320}|[\"]{320}|\u{10ffff}{320}"),
            email_verified: bool,
            groups in prop::collection::vec(".{0,80}|\u{0}{100}", 0..60),
            acr in proptest::option::of(".{1,128}|\u{1}{512}"),
            auth_time in proptest::option::of(0..253_402_300_800_i64),
        ) {
            let visitor = Visitor {
                user_id: "1",
                subject: &subject,
                name: name.as_deref(),
                email: email.as_deref(),
                email_verified,
                preferred_username: None,
                groups: &groups,
                acr: acr.as_deref(),
                auth_time: auth_time.map(|at| OffsetDateTime::from_unix_timestamp(at).unwrap()),
            };
            let (claims, len) = claims_of(&visitor);
            prop_assert!(len <= LIMIT, "{len}");
            prop_assert_eq!(&claims["sub"], &json!(subject));
            prop_assert_eq!(claims["exp"].as_i64(), Some(AT + 120));
            for (found, expected) in [
                (claims.get("email"), json!(email.as_deref().filter(|_| email_verified))),
                (claims.get("name"), json!(name)),
                (claims.get("groups"), json!(groups)),
                (claims.get("acr"), json!(acr)),
                (claims.get("auth_time"), json!(auth_time)),
            ] {
                prop_assert!(found.is_none_or(|found| *found == expected));
            }
        }
    }
}
