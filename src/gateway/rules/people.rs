//! Which people a rule lets in.

use std::collections::HashSet;

use crate::gateway::visitor::Visitor;

/// People who fit any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Members of one of these groups, byte for byte.
    pub groups: HashSet<String>,
    /// People with one of these verified emails, in lower case.
    pub emails: HashSet<String>,
    /// People with a verified email of one of these domains, in lower case.
    pub email_domains: HashSet<String>,
    /// People with one of these `sub`, byte for byte.
    pub subjects: HashSet<String>,
}

/// Whether somebody is among the people of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// They are.
    Yes,
    /// They are not.
    No,
    /// They would be if their email was verified.
    EmailNotVerified,
}

impl People {
    /// Whether none are named.
    pub fn is_empty(&self) -> bool {
        let People {
            groups,
            emails,
            email_domains,
            subjects,
        } = self;
        [groups, emails, email_domains, subjects]
            .iter()
            .all(|named| named.is_empty())
    }

    /// Whether `visitor` is one of them.
    pub fn fit(&self, visitor: &Visitor<'_>) -> Fit {
        let in_a_group = || {
            visitor
                .groups
                .iter()
                .any(|group| self.groups.contains(group))
        };
        if self.subjects.contains(visitor.subject) || in_a_group() {
            return Fit::Yes;
        }
        match visitor.email.is_some_and(|email| self.has_email(email)) {
            true if visitor.email_verified => Fit::Yes,
            true => Fit::EmailNotVerified,
            false => Fit::No,
        }
    }

    /// An email with more or fewer than one `@` belongs to no domain (CVE-2026-40574).
    fn has_email(&self, email: &str) -> bool {
        if self.emails.is_empty() && self.email_domains.is_empty() {
            return false;
        }
        let email = email.to_ascii_lowercase();
        match split_email(&email) {
            Some((_, domain)) => {
                self.emails.contains(&email) || self.email_domains.contains(domain)
            }
            None => false,
        }
    }
}

/// What stands before and after the only `@`; neither is empty.
pub fn split_email(email: &str) -> Option<(&str, &str)> {
    let (name, domain) = email.split_once('@')?;
    let is_email = !name.is_empty() && !domain.is_empty() && !domain.contains('@');
    is_email.then_some((name, domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> HashSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn with_email(email: &str, email_verified: bool) -> Visitor<'_> {
        Visitor {
            user_id: "1",
            subject: "ada",
            name: None,
            email: Some(email),
            email_verified,
            preferred_username: None,
            groups: &[],
            acr: None,
            auth_time: None,
        }
    }

    #[test]
    fn cve_2021_21291_a_domain_is_no_suffix() {
        let people = People {
            email_domains: set(&["example.com"]),
            ..People::default()
        };
        for (email, fit) in [
            ("ada@example.com", Fit::Yes),
            ("ADA@Example.COM", Fit::Yes),
            ("ada@evilexample.com", Fit::No),
            ("ada@sub.example.com", Fit::No),
            ("ada@example.com.evil.test", Fit::No),
            ("ada@example.com ", Fit::No),
            ("example.com", Fit::No),
            ("@example.com", Fit::No),
        ] {
            assert_eq!(people.fit(&with_email(email, true)), fit, "{email}");
        }
    }

    #[test]
    fn cve_2026_40574_an_email_with_two_at_signs_is_of_no_domain() {
        let people = People {
            email_domains: set(&["example.com"]),
            emails: set(&["evil@x@example.com"]),
            ..People::default()
        };
        for email in [
            "evil@x@example.com",
            "evil@example.com@example.com",
            "@@example.com",
        ] {
            assert_eq!(people.fit(&with_email(email, true)), Fit::No, "{email}");
        }
    }

    #[test]
    fn an_email_that_is_not_verified_lets_nobody_in() {
        let people = People {
            emails: set(&["ada@example.com"]),
            ..People::default()
        };
        assert_eq!(
            people.fit(&with_email("ada@example.com", false)),
            Fit::EmailNotVerified
        );
        assert_eq!(people.fit(&with_email("eve@example.com", false)), Fit::No);
        let none = Visitor {
            email: None,
            ..with_email("", true)
        };
        assert_eq!(people.fit(&none), Fit::No);
    }

    #[test]
    fn groups_and_subjects_fit_byte_for_byte() {
        let people = People {
            groups: set(&["staff"]),
            subjects: set(&["bob"]),
            ..People::default()
        };
        let groups = |groups: &[&str]| -> Vec<String> {
            groups.iter().map(|group| (*group).to_owned()).collect()
        };
        for (subject, names, fit) in [
            ("ada", &["x", "staff"][..], Fit::Yes),
            ("bob", &[], Fit::Yes),
            ("Bob", &["Staff", "staff ", "staf", "staff,x"], Fit::No),
            ("", &[""], Fit::No),
        ] {
            let names = groups(names);
            let visitor = Visitor {
                subject,
                groups: &names,
                ..with_email("a@b", true)
            };
            assert_eq!(people.fit(&visitor), fit, "{subject}");
        }
    }
}
