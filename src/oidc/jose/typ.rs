//! `typ` (RFC 7515, 4.1.9): what a token says that it is.

use std::fmt;

/// The `typ` of one kind of token. So that one kind never passes for another (RFC 8725, 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typ {
    names: &'static [&'static str],
    is_required: bool,
}

impl Typ {
    /// One of `names`, if there is one at all: most providers send none with this kind, and its claims must decide.
    pub const fn optional(names: &'static [&'static str]) -> Typ {
        Typ {
            names,
            is_required: false,
        }
    }

    /// One of `names`.
    pub const fn required(names: &'static [&'static str]) -> Typ {
        Typ {
            names,
            is_required: true,
        }
    }

    /// Whether it is what a header says. Case does not count, nor does `application/` before it.
    pub fn fits(self, found: Option<&str>) -> bool {
        let Some(found) = found else {
            return !self.is_required;
        };
        let found = found.to_ascii_lowercase();
        let found = found.strip_prefix("application/").unwrap_or(&found);
        self.names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(found))
    }
}

impl fmt::Display for Typ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.iter().map(|name| format!("{name:?}"));
        f.write_str(&names.collect::<Vec<_>>().join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_one_of_its_names_and_nothing_like_them() {
        const LOGOUT: Typ = Typ::optional(&["JWT", "logout+jwt"]);
        const REVOCATION: Typ = Typ::required(&["global-token-revocation+jwt"]);
        for (typ, found, fits) in [
            (LOGOUT, None, true),
            (LOGOUT, Some("JWT"), true),
            (LOGOUT, Some("jwt"), true),
            (LOGOUT, Some("Logout+JWT"), true),
            (LOGOUT, Some("application/logout+jwt"), true),
            (LOGOUT, Some("Application/JWT"), true),
            (LOGOUT, Some("application/application/jwt"), false),
            (LOGOUT, Some("text/jwt"), false),
            (LOGOUT, Some("at+jwt"), false),
            (LOGOUT, Some(""), false),
            (LOGOUT, Some("application/"), false),
            (LOGOUT, Some(" JWT"), false),
            (REVOCATION, Some("global-token-revocation+jwt"), true),
            (REVOCATION, Some("JWT"), false),
            (REVOCATION, None, false),
        ] {
            assert_eq!(typ.fits(found), fits, "{found:?} for {typ}");
        }
        assert_eq!(LOGOUT.to_string(), r#""JWT" or "logout+jwt""#);
    }
}
