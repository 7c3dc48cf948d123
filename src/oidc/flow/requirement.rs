//! How a person must have been authenticated (OpenID Connect Core 3.1.2.1 and 3.1.3.7, RFC 9470): what is asked for with
//! `acr_values` and `max_age`, and whether the ID token says so.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use crate::oidc::jose::json::quoted;

/// How far the provider's clock may be from ours.
const LEEWAY: time::Duration = time::Duration::MINUTE;

/// How many characters the values of one list may have together: they are in addresses, headers and cookies.
const VALUES_LIMIT: usize = 300;

/// How a person must have been authenticated. The default requires nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// `acr` must be one of these; if empty, any or none.
    pub acr: Vec<String>,
    /// `auth_time` must be no longer ago than this; zero: it must come after the request.
    pub max_age: Option<Duration>,
}

/// Why an ID token does not say what is required.
#[derive(Clone, Debug, PartialEq)]
pub enum Unmet {
    /// `acr` is none of those that are required, or not there.
    Acr {
        /// What it is.
        found: Option<String>,
        /// What it must be.
        expected: Vec<String>,
    },
    /// There is no `auth_time`, although `max_age` asks for it.
    NoAuthTime,
    /// `auth_time` is still to come.
    AuthTimeAhead,
    /// The authentication is longer ago than `max_age`.
    TooLongAgo,
}

impl Requirement {
    /// Whether `acr` and `auth_time` of a verified ID token, which counts as missing where it is malformed, meet it.
    /// `began_at` is when the attempt to sign in began.
    ///
    /// # Errors
    /// What they lack.
    pub fn judge(
        &self,
        acr: Option<&str>,
        auth_time: Option<OffsetDateTime>,
        began_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), Unmet> {
        let is_one = |acr: &str| self.acr.iter().any(|it| it == acr);
        if !self.acr.is_empty() && !acr.is_some_and(is_one) {
            return Err(Unmet::Acr {
                found: acr.map(str::to_owned),
                expected: self.acr.clone(),
            });
        }
        let Some(max_age) = self.max_age else {
            return Ok(());
        };
        let auth_time = auth_time.ok_or(Unmet::NoAuthTime)?;
        if auth_time > now + LEEWAY {
            return Err(Unmet::AuthTimeAhead);
        }
        let earliest = match max_age.is_zero() {
            // A person may take minutes for what comes after the password.
            true => began_at,
            false => now - max_age,
        };
        match auth_time < earliest - LEEWAY {
            true => Err(Unmet::TooLongAgo),
            false => Ok(()),
        }
    }
}

/// A list of `acr` values, separated by spaces.
///
/// # Errors
/// What is wrong with it, to stand behind a setting's name.
pub fn acr_values(text: String) -> Result<Vec<String>, String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    let is_plain = |byte: u8| is_plain(byte) || byte == b' ';
    match text {
        text if !text.bytes().all(is_plain) => {
            Err("has other characters than visible ASCII without quotes and backslashes".to_owned())
        }
        text if text.len() > VALUES_LIMIT => {
            Err(format!("is longer than {VALUES_LIMIT} characters"))
        }
        text => Ok(text.split_ascii_whitespace().map(str::to_owned).collect()),
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unmet::Acr { found, expected } => {
                match found {
                    Some(found) => write!(f, "its acr is {}", quoted(found))?,
                    None => f.write_str("it has no acr")?,
                }
                write!(f, ", required is {}", expected.join(" or "))
            }
            Unmet::NoAuthTime => {
                f.write_str("it has no auth_time in seconds since 1970, although max_age was sent")
            }
            Unmet::AuthTimeAhead => f.write_str("its auth_time is in the future"),
            Unmet::TooLongAgo => {
                f.write_str("its auth_time is longer ago than the max_age that was sent")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-01-01 12:00 UTC);

    fn requires(acr: &[&str], max_age: Option<u64>) -> Requirement {
        Requirement {
            acr: acr.iter().map(|it| (*it).to_owned()).collect(),
            max_age: max_age.map(Duration::from_secs),
        }
    }

    /// Core 3.1.3.7 (12)
    #[test]
    fn the_acr_must_be_one_of_those_that_are_required() {
        let strong = requires(&["phr", "phrh"], None);
        let judge = |acr| {
            strong
                .judge(acr, None, NOW, NOW)
                .map_err(|it| it.to_string())
        };
        assert_eq!(judge(Some("phr")), Ok(()));
        assert_eq!(judge(Some("phrh")), Ok(()));
        assert_eq!(
            judge(Some("PHR")).unwrap_err(),
            "its acr is \"PHR\", required is phr or phrh"
        );
        assert_eq!(
            judge(None).unwrap_err(),
            "it has no acr, required is phr or phrh"
        );
        assert_eq!(requires(&[], None).judge(None, None, NOW, NOW), Ok(()));
    }

    /// Core 3.1.3.7 (13)
    #[test]
    fn the_authentication_must_be_as_recent_as_is_required() {
        for (max_age, auth_time, began, expected) in [
            (3600, Some(0), 0, None),
            (3600, Some(-3660), 0, None),
            (3600, Some(-3661), 0, Some(Unmet::TooLongAgo)),
            (3600, Some(60), 0, None),
            (3600, Some(61), 0, Some(Unmet::AuthTimeAhead)),
            (3600, None, 0, Some(Unmet::NoAuthTime)),
            // Zero: since the attempt began, however long that is ago.
            (0, Some(-300), -300, None),
            (0, Some(-360), -300, None),
            (0, Some(-361), -300, Some(Unmet::TooLongAgo)),
            (0, None, -300, Some(Unmet::NoAuthTime)),
        ] {
            let at = |secs: i64| NOW + time::Duration::seconds(secs);
            let required = requires(&[], Some(max_age));
            let judged = required.judge(None, auth_time.map(at), at(began), NOW);
            assert_eq!(judged.err(), expected, "{max_age} {auth_time:?}");
        }
    }

    #[test]
    fn a_list_of_acr_values_fits_an_address_and_a_header() {
        assert_eq!(
            acr_values("phr  urn:x:y".to_owned()),
            Ok(vec!["phr".to_owned(), "urn:x:y".to_owned()])
        );
        for wrong in ["p\"hr", "p\\hr", "ph\nr", "phé"] {
            assert!(acr_values(wrong.to_owned()).is_err(), "{wrong}");
        }
        assert!(acr_values("x".repeat(300)).is_ok() && acr_values("x".repeat(301)).is_err());
    }
}
