//! The provider's response, or why there is none. The errors never hold a body.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::oidc::http::certificate_fault::CertificateFault;
use crate::oidc::http::charset;

/// The limit for connecting, waiting and reading together.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The largest body, in bytes.
pub const SIZE_LIMIT: usize = 1024 * 1024;

/// A longer `Retry-After` counts as an hour.
const LONGEST_PAUSE_SECS: u64 = 3600;

/// A response of the provider.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// `Cache-Control: max-age`, in seconds.
    pub max_age_secs: Option<u64>,
    /// When to retry, in seconds from now, an hour at most: `Retry-After` or `X-Rate-Limit-Reset`.
    pub retry_after_secs: Option<u64>,
    /// The provider's time: `Date`, plus `Age` if the response is from a cache.
    pub provider_time: Option<OffsetDateTime>,
    /// `Location`, which is not followed.
    pub location: Option<String>,
    /// Whether the body is a signed token (`application/jwt`) and not JSON.
    pub is_jwt: bool,
    /// All `WWW-Authenticate` headers, joined.
    pub challenge: Option<String>,
    /// The charset that `Content-Type` names.
    pub charset: Option<String>,
    /// The body, 1 MiB at most.
    pub body: Vec<u8>,
}

/// Why there is no usable response.
#[derive(Clone, Debug)]
pub enum FetchError {
    /// No connection, or it broke.
    Connection(String),
    /// Its certificate is not accepted.
    Certificate(CertificateFault),
    /// Ten seconds passed.
    Timeout,
    /// Ten seconds passed, and for more than half of them all connections were in use.
    NoFreeConnection,
    /// The body is larger than 1 MiB or broke off.
    Body(String),
    /// A response whose status is not 200.
    Status {
        /// The status.
        status: u16,
        /// When to retry, in seconds, if the provider says.
        retry_after_secs: Option<u64>,
    },
}

impl Response {
    /// Makes a response of its parts. `header` returns the header with a name, which is in lower case.
    pub fn read<'a>(
        status: u16,
        header: impl Fn(&'static str) -> Option<&'a str>,
        body: Vec<u8>,
    ) -> Self {
        Response {
            status,
            max_age_secs: header("cache-control").and_then(max_age),
            retry_after_secs: retry_after(
                header("retry-after"),
                header("x-rate-limit-reset"),
                OffsetDateTime::now_utc().unix_timestamp(),
            ),
            provider_time: header("date").and_then(|date| provider_time(date, header("age"))),
            location: header("location").map(str::to_owned),
            is_jwt: header("content-type").is_some_and(is_jwt),
            challenge: None,
            charset: header("content-type").and_then(charset::of_content_type),
            body,
        }
    }

    /// The body in UTF-8, whatever charset it came in.
    ///
    /// # Errors
    /// A sentence that names the charset.
    pub fn text(&self) -> Result<Cow<'_, [u8]>, String> {
        charset::to_utf8(&self.body, self.charset.as_deref())
    }

    /// Itself, if its status is 200.
    pub fn ok(self) -> Result<Response, FetchError> {
        match self.status {
            200 => Ok(self),
            _ => Err(self.refusal()),
        }
    }

    /// The error for a response whose status is not 200.
    pub fn refusal(&self) -> FetchError {
        FetchError::Status {
            status: self.status,
            retry_after_secs: self.retry_after_secs,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Connection(cause) => write!(f, "the provider can't be reached: {cause}"),
            FetchError::Certificate(CertificateFault { what, fix }) => {
                write!(f, "the provider can't be trusted: {what} ({fix})")
            }
            FetchError::Timeout => {
                let secs = TIME_LIMIT.as_secs();
                write!(f, "the provider did not respond within {secs} s")
            }
            FetchError::NoFreeConnection => {
                let secs = TIME_LIMIT.as_secs();
                write!(
                    f,
                    "no response within {secs} s, most of which the request waited for a free connection to the provider"
                )
            }
            FetchError::Body(cause) => write!(f, "the provider's response can't be read: {cause}"),
            FetchError::Status { status, .. } => {
                write!(f, "the provider responded with status {status}")
            }
        }
    }
}

/// `Retry-After` in seconds (RFC 9110, 10.2.3; no provider that we know sends a date), or Okta's `X-Rate-Limit-Reset`, in
/// seconds since 1970.
fn retry_after(retry_after: Option<&str>, reset: Option<&str>, now: i64) -> Option<u64> {
    let reset = || {
        Some(
            reset?
                .parse::<i64>()
                .ok()?
                .saturating_sub(now)
                .max(1)
                .unsigned_abs(),
        )
    };
    retry_after
        .and_then(|secs| secs.parse().ok())
        .or_else(reset)
        .map(|secs: u64| secs.min(LONGEST_PAUSE_SECS))
}

/// `Date` in the form that servers must send (RFC 9110, 5.6.7), plus the seconds of `Age` (RFC 9111, 5.1).
fn provider_time(date: &str, age_secs: Option<&str>) -> Option<OffsetDateTime> {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = PrimitiveDateTime::parse(date, form).ok()?.assume_utc();
    let age_secs: u32 = age_secs.map_or(Some(0), |secs| secs.parse().ok())?;
    date.checked_add(time::Duration::seconds(age_secs.into()))
}

fn is_jwt(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/jwt")
}

fn max_age(cache_control: &str) -> Option<u64> {
    cache_control
        .split(',')
        .find_map(|directive| directive.trim().strip_prefix("max-age="))
        .and_then(|seconds| seconds.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_time_is_date_plus_age() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let unix = |time: Option<OffsetDateTime>| time.map(OffsetDateTime::unix_timestamp);
        assert_eq!(unix(provider_time(date, None)), Some(784_111_777));
        assert_eq!(unix(provider_time(date, Some("23"))), Some(784_111_800));
        assert_eq!(provider_time(date, Some("-1")), None);
        assert_eq!(provider_time("1994-11-06T08:49:37Z", None), None);
    }

    /// Core 10.1.1 (b)
    #[test]
    fn max_age_is_found_among_other_directives() {
        assert_eq!(max_age("public, max-age=86400"), Some(86400));
        assert_eq!(max_age("no-store"), None);
        assert_eq!(max_age("max-age=soon"), None);
    }

    #[test]
    fn the_time_of_a_retry_is_read_from_either_header() {
        assert_eq!(retry_after(Some("30"), None, 1000), Some(30));
        assert_eq!(retry_after(None, Some("1007"), 1000), Some(7));
        assert_eq!(retry_after(None, Some("900"), 1000), Some(1));
        assert_eq!(retry_after(Some("soon"), Some("x"), 1000), None);
        assert_eq!(retry_after(Some("3601"), None, 1000), Some(3600));
        assert_eq!(retry_after(None, Some("999999"), 1000), Some(3600));
        assert_eq!(
            retry_after(None, Some("-9223372036854775808"), 1000),
            Some(1)
        );
    }

    #[test]
    fn only_a_response_with_status_200_is_ok() {
        for (status, is_ok) in [(200, true), (204, false), (302, false), (500, false)] {
            let response = Response::read(status, |_| None, Vec::new());
            match response.ok() {
                Ok(_) => assert!(is_ok, "{status}"),
                Err(refusal) => {
                    assert!(!is_ok, "{status}");
                    let text = format!("the provider responded with status {status}");
                    assert_eq!(refusal.to_string(), text);
                }
            }
        }
    }

    #[test]
    fn a_signed_token_is_recognized_by_its_media_type() {
        for (content_type, expected) in [
            ("application/jwt", true),
            ("Application/JWT ; charset=utf-8", true),
            ("application/json", false),
            ("text/plain; application/jwt", false),
        ] {
            assert_eq!(is_jwt(content_type), expected, "{content_type}");
        }
    }
}
