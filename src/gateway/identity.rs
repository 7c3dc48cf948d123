//! What an app learns of a visitor: headers, in the names of Authelia and of oauth2-proxy, since most apps' documentation
//! has one or the other.

use std::borrow::Cow;

use super::visitor::Visitor;

/// The longest list of groups, in bytes: proxies have 4 KiB for all headers of an answer, and the list comes twice.
const GROUPS_LIMIT: usize = 2048;

/// `GATEWAY_USER`: what apps know a person by. There is no fallback from one to another, or two people could have the same
/// name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserName {
    /// `sub`: never another person's.
    #[default]
    Subject,
    /// `email`, if it is verified.
    Email,
    /// `preferred_username`.
    PreferredUsername,
}

impl UserName {
    /// The visitor's name. A header can't hold control characters, and without them a name could be another person's: then
    /// there is none.
    pub fn of<'a>(self, visitor: &Visitor<'a>) -> Option<&'a str> {
        let name = match self {
            UserName::Subject => Some(visitor.subject),
            UserName::Email => visitor.verified_email(),
            UserName::PreferredUsername => visitor.preferred_username,
        };
        name.filter(|name| is_header_value(name))
    }
}

/// Not empty, and the same after it was a header: without control characters and outer spaces.
fn is_header_value(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

/// The headers of each answer that lets a request through, all of them each time: where one is missing, some proxies let the
/// client's own through (CVE-2026-30851). Empty means unknown.
pub fn headers<'a>(
    visitor: Option<&Visitor<'a>>,
    user_name: UserName,
) -> [(&'static str, Cow<'a, str>); 8] {
    let empty = || Cow::Borrowed("");
    let user = visitor
        .and_then(|visitor| user_name.of(visitor))
        .map_or_else(empty, Cow::Borrowed);
    // Whom the app can't name is nobody to it.
    let visitor = visitor.filter(|_| !user.is_empty());
    let of = |claim: fn(&Visitor<'a>) -> Option<&'a str>| {
        visitor.and_then(claim).map_or_else(empty, display)
    };
    let name = of(|visitor| visitor.name);
    let preferred_username = of(|visitor| visitor.preferred_username);
    let email = of(|visitor| {
        visitor
            .verified_email()
            .filter(|email| is_header_value(email))
    });
    let groups = visitor.map_or_else(empty, |visitor| Cow::Owned(joined(visitor.groups)));
    [
        ("remote-user", user.clone()),
        ("remote-name", name),
        ("remote-email", email.clone()),
        ("remote-groups", groups.clone()),
        ("x-auth-request-user", user),
        ("x-auth-request-preferred-username", preferred_username),
        ("x-auth-request-email", email),
        ("x-auth-request-groups", groups),
    ]
}

/// Without control characters: this is for show.
fn display(text: &str) -> Cow<'_, str> {
    match text.chars().any(char::is_control) {
        true => Cow::Owned(text.chars().filter(|it| !it.is_control()).collect()),
        false => Cow::Borrowed(text),
    }
}

/// A group that would read as two is left out. A list that is too long is empty: half of it would be a lie.
fn joined(groups: &[String]) -> String {
    let is_one = |group: &&str| is_header_value(group) && !group.contains(',');
    let groups: Vec<&str> = groups.iter().map(String::as_str).filter(is_one).collect();
    let joined = groups.join(",");
    match joined.len() <= GROUPS_LIMIT {
        true => joined,
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor<'a>() -> Visitor<'a> {
        Visitor {
            user_id: "1",
            subject: "ada",
            name: Some("Ada Lovelace"),
            email: Some("ada@example.com"),
            email_verified: true,
            preferred_username: Some("lovelace"),
            groups: &[],
            acr: None,
            auth_time: None,
        }
    }

    fn value(visitor: Option<&Visitor<'_>>, user_name: UserName, name: &str) -> String {
        let headers = headers(visitor, user_name);
        let found: Vec<_> = headers.iter().filter(|header| header.0 == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        found[0].1.clone().into_owned()
    }

    #[test]
    fn cve_2026_30851_every_identity_header_is_always_sent() {
        let names = |visitor| headers(visitor, UserName::Subject).map(|header| header.0);
        let nobody = headers(None, UserName::Subject);
        assert!(nobody.iter().all(|header| header.1.is_empty()));
        assert_eq!(names(Some(&visitor())), names(None));
        assert_eq!(nobody.len(), 8);
    }

    #[test]
    fn there_is_no_fallback_from_one_name_to_another() {
        let nameless = Visitor {
            email_verified: false,
            preferred_username: None,
            ..visitor()
        };
        for (user_name, expected, fallback) in [
            (UserName::Subject, "ada", "ada"),
            (UserName::Email, "ada@example.com", ""),
            (UserName::PreferredUsername, "lovelace", ""),
        ] {
            assert_eq!(value(Some(&visitor()), user_name, "remote-user"), expected);
            assert_eq!(value(Some(&nameless), user_name, "remote-user"), fallback);
        }
        assert_eq!(value(Some(&nameless), UserName::Email, "remote-name"), "");
        assert_eq!(
            value(Some(&nameless), UserName::Subject, "remote-email"),
            ""
        );
    }

    #[test]
    fn a_name_that_a_header_would_change_is_none() {
        for name in [
            "",
            " ada",
            "ada ",
            "a\0da",
            "ada\n",
            "a\u{85}b",
            "\u{a0}ada",
        ] {
            let visitor = Visitor {
                subject: name,
                ..visitor()
            };
            assert_eq!(UserName::Subject.of(&visitor), None, "{name:?}");
        }
        let umlaut = Visitor {
            subject: "jörg, 1",
            name: Some("J\tö\r\nrg"),
            ..visitor()
        };
        assert_eq!(
            value(Some(&umlaut), UserName::Subject, "x-auth-request-user"),
            "jörg, 1"
        );
        assert_eq!(
            value(Some(&umlaut), UserName::Subject, "remote-name"),
            "Jörg"
        );
    }

    #[test]
    fn groups_are_a_whole_list_or_none() {
        let groups = |groups: &[&str]| -> String {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            let visitor = Visitor {
                groups: &groups,
                ..visitor()
            };
            let one = value(Some(&visitor), UserName::Subject, "remote-groups");
            assert_eq!(
                one,
                value(Some(&visitor), UserName::Subject, "x-auth-request-groups")
            );
            one
        };
        assert_eq!(
            groups(&["staff", "a,admins", "b\nc", "", " d", "ä"]),
            "staff,ä"
        );
        let half = "x".repeat(GROUPS_LIMIT / 2);
        assert_eq!(groups(&[&half]).len(), GROUPS_LIMIT / 2);
        assert_eq!(groups(&[&half, &half]), "");
    }
}
