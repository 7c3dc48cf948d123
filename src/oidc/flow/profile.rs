//! The provider's claims about the person (OpenID Connect Core 5.1), made safe to show.

use crate::observe::logging::is_control_or_invisible;
use crate::oidc::jose::json::{self, Object};

/// The standard claims that Doorward shows (OpenID Connect Core 5.1), as the provider wrote them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
}

/// The longest name or email that is kept, in characters.
const DISPLAY_LIMIT: usize = 320;

impl Profile {
    /// The claims that are read.
    pub const CLAIMS: [&str; 5] = [
        "name",
        "given_name",
        "family_name",
        "email",
        "email_verified",
    ];

    /// Reads the claims. One of a wrong type counts as absent: the standard requires none of them.
    pub fn read(claims: &Object) -> Profile {
        let text = |name| claims.lenient(name, json::text);
        Profile {
            name: text("name"),
            given_name: text("given_name"),
            family_name: text("family_name"),
            email: text("email").filter(|email| is_whole(email)),
            // A boolean, but several large providers send it as a string.
            email_verified: claims.lenient("email_verified", |value| {
                Some(*value == true || *value == "true")
            }),
        }
    }

    /// These claims, and those of `other` that are missing here: neither the ID token nor userinfo need have all of them.
    /// The email and whether it is verified come from the same source.
    pub fn or(self, other: Profile) -> Profile {
        let (email, email_verified) = match self.email {
            Some(email) => (Some(email), self.email_verified),
            None => (other.email, other.email_verified),
        };
        Profile {
            name: self.name.or(other.name),
            given_name: self.given_name.or(other.given_name),
            family_name: self.family_name.or(other.family_name),
            email,
            email_verified,
        }
    }

    /// The person's name: the full name, or its parts, or nothing.
    pub fn display_name(&self) -> Option<String> {
        let parts = [&self.given_name, &self.family_name];
        let joined: Vec<String> = parts
            .into_iter()
            .flatten()
            .filter_map(|part| clean(part))
            .collect();
        self.name
            .as_deref()
            .and_then(clean)
            .or_else(|| clean(&joined.join(" ")))
    }

    /// The email, as the provider wrote it.
    pub fn email(&self) -> Option<String> {
        self.email.clone()
    }

    /// Whether the provider vouches for the email.
    pub fn email_verified(&self) -> bool {
        self.email.is_some() && self.email_verified == Some(true)
    }
}

/// Whether an email can be kept unchanged. It is never corrected: the result could be another person's email, and
/// administrators find people by it.
fn is_whole(email: &str) -> bool {
    let is_odd =
        |c: char| is_control_or_invisible(c) || c.is_control() || (c.is_whitespace() && c != ' ');
    !email.is_empty()
        && email.trim() == email
        && email.chars().count() <= DISPLAY_LIMIT
        && !email.contains(is_odd)
}

/// Text for people, cut to [`DISPLAY_LIMIT`]: without control characters (Postgres rejects NUL, and a line break would split
/// a log line) and without marks that reverse the rest of a line.
fn clean(text: &str) -> Option<String> {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept: String = text
        .chars()
        .filter(|c| !c.is_control() && !turns(*c))
        .take(DISPLAY_LIMIT)
        .collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn profile(claims: Value) -> Profile {
        Profile::read(&Object::within(claims).unwrap())
    }

    #[test]
    fn the_name_is_what_there_is_of_it() {
        for (claims, expected) in [
            (
                json!({"name": "Ada Lovelace", "given_name": "A"}),
                Some("Ada Lovelace"),
            ),
            (
                json!({"given_name": "Ada", "family_name": "Lovelace"}),
                Some("Ada Lovelace"),
            ),
            (json!({"given_name": "Ada"}), Some("Ada")),
            (
                json!({"name": " ", "family_name": "Lovelace"}),
                Some("Lovelace"),
            ),
            (json!({"name": null}), None),
            (
                json!({"name": ["Ada"], "given_name": {"en": "Ada"}, "family_name": 7}),
                None,
            ),
            (json!({"name": true, "given_name": "Ada"}), Some("Ada")),
            (json!({}), None),
        ] {
            assert_eq!(profile(claims).display_name().as_deref(), expected);
        }
    }

    #[test]
    fn control_characters_and_endless_names_are_cut() {
        let name = profile(json!({"name": "A\u{0}d\r\na\u{202e}"})).display_name();
        assert_eq!(name.as_deref(), Some("Ada"));
        let long = profile(json!({"name": "é".repeat(1_000_000)})).display_name();
        assert_eq!(long.unwrap().chars().count(), DISPLAY_LIMIT);
    }

    /// Core 5.1
    #[test]
    fn an_email_is_verified_when_its_own_source_says_so() {
        let thin = profile(json!({"email_verified": true}));
        let full = profile(json!({"email": "a@example.com", "email_verified": "true"}));
        assert!(!thin.clone().or(Profile::default()).email_verified());
        assert!(thin.or(full.clone()).email_verified());
        let unverified = profile(json!({"email": "b@example.com"}));
        assert!(!unverified.or(full).email_verified());
        let odd = profile(json!({"email": "a@example.com", "email_verified": 1}));
        assert!(!odd.email_verified());
    }

    #[test]
    fn an_email_is_kept_whole_or_not_at_all() {
        let long = format!("{}@example.com", "a".repeat(DISPLAY_LIMIT - 12));
        for whole in [
            "admin@corp.com",
            "\"ada lovelace\"@example.com",
            "用户@例子.广告",
            "<i>a@example.com",
            &long,
        ] {
            let profile = profile(json!({"email": whole, "email_verified": true}));
            assert_eq!(profile.email().as_deref(), Some(whole));
            assert!(profile.email_verified());
        }
        for odd in [
            "admin\0@corp.com",
            "admin\n@corp.com",
            " admin@corp.com",
            "admin@corp.com ",
            "admin@corp.com\n",
            "admin\u{a0}@corp.com",
            "admin\u{202e}@corp.com",
            "admin\u{200b}@corp.com",
            "admin\u{feff}@corp.com",
            "\0",
            " ",
            "",
            &format!("a{long}"),
        ] {
            let profile = profile(json!({"email": odd, "email_verified": true}));
            assert_eq!(profile.email(), None, "{odd:?}");
            assert!(!profile.email_verified(), "{odd:?}");
        }
    }

    #[test]
    fn the_other_source_replaces_an_email_that_is_refused() {
        let odd = profile(json!({"email": "a\0@example.com", "email_verified": true}));
        let other = profile(json!({"email": "b@example.com", "email_verified": false}));
        let both = odd.or(other);
        assert_eq!(both.email().as_deref(), Some("b@example.com"));
        assert!(!both.email_verified());
    }
}
