//! The provider's claims about the person (OpenID Connect Core 5.1), made safe to show.

use crate::observe::logging::is_control_or_invisible;
use crate::oidc::flow::groups::GroupsClaim;
use crate::oidc::jose::json::{self, Object};

/// The standard claims that Doorward shows or tells apps (OpenID Connect Core 5.1), as the provider wrote them, and the
/// groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    preferred_username: Option<String>,
    groups: Option<Vec<String>>,
}

/// The longest name or email that is kept, in characters.
const DISPLAY_LIMIT: usize = 320;

impl Profile {
    /// The names of the claims that are read.
    pub fn claims(groups: &GroupsClaim) -> [&str; 7] {
        [
            "name",
            "given_name",
            "family_name",
            "email",
            "email_verified",
            "preferred_username",
            groups.name(),
        ]
    }

    /// Reads the claims. One of a wrong type counts as absent: the standard requires none of them.
    pub fn read(claims: &Object, groups: &GroupsClaim) -> Profile {
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
            preferred_username: text("preferred_username").filter(|name| is_whole(name)),
            groups: groups.read(claims),
        }
    }

    /// These claims, and those of `other` that are missing here: neither the ID token nor userinfo need have all of them.
    /// The email and whether it is verified come from the same source, and so do all groups.
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
            preferred_username: self.preferred_username.or(other.preferred_username),
            groups: self.groups.or(other.groups),
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

    /// The name that the person goes by at the provider, as the provider wrote it.
    pub fn preferred_username(&self) -> Option<String> {
        self.preferred_username.clone()
    }

    /// The groups, as the provider wrote them.
    pub fn groups(&self) -> Vec<String> {
        self.groups.clone().unwrap_or_default()
    }

    /// Whether the provider vouches for the email.
    pub fn email_verified(&self) -> bool {
        self.email.is_some() && self.email_verified == Some(true)
    }
}

/// Whether an email or a user name can be kept unchanged. It is never corrected: the result could be another person's, and
/// administrators and apps find people by it.
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
mod tests;
