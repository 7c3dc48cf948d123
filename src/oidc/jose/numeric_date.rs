//! Times in tokens, NumericDate (RFC 7519, 2): JSON numbers of seconds, fractions allowed, and nothing else.

use serde_json::Value;
use time::OffsetDateTime;

/// A NumericDate that is finite, not negative, and a date that exists (before the year 10000).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumericDate(f64);

const YEAR_10000: f64 = 253_402_300_800.0;

/// In seconds, the year 5138; in milliseconds, 1973.
const SECS_LIMIT: f64 = 1e11;

/// How far the provider's clock may be from ours (RFC 7519, 4.1.4: "usually no more than a few minutes").
const LEEWAY_SECS: f64 = 60.0;

impl NumericDate {
    /// For errors: what [`NumericDate::read`] takes.
    pub const EXPECTED: &str = "seconds since 1970 (a number, before the year 10000)";

    /// For errors: what [`NumericDate::read_secs`] takes.
    pub const EXPECTED_SECS: &str = "seconds since 1970 (a number, at most 10^11)";

    /// The date that `value` is, if it is one that is surely in seconds: in milliseconds it would be far away.
    pub fn read_secs(value: &Value) -> Option<NumericDate> {
        NumericDate::read(value).filter(|date| date.0 <= SECS_LIMIT)
    }

    /// The date that `value` is, if it is one.
    pub fn read(value: &Value) -> Option<NumericDate> {
        let secs = value.as_f64()?;
        (0.0..YEAR_10000)
            .contains(&secs)
            .then_some(NumericDate(secs))
    }

    /// Whether a token with this `exp` has expired, with a minute of leeway.
    pub fn is_past(self, now: OffsetDateTime) -> bool {
        self.0 + LEEWAY_SECS <= now.unix_timestamp() as f64
    }

    /// Whether a token with this `iat` or `nbf` is not valid yet, with a minute of leeway.
    pub fn is_future(self, now: OffsetDateTime) -> bool {
        self.0 - LEEWAY_SECS > now.unix_timestamp() as f64
    }

    /// In UTC, to the second.
    pub fn time(self) -> OffsetDateTime {
        let secs = OffsetDateTime::from_unix_timestamp(self.0 as i64);
        secs.expect("it is between 1970 and the year 10000")
    }

    /// Seconds since 1970 in UTC.
    #[cfg(test)]
    pub fn secs(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Core 2 (d)
    #[test]
    fn numbers_are_times_and_nothing_else_is() {
        for (json, expected) in [
            ("0", Some(0.0)),
            ("1700000000", Some(1_700_000_000.0)),
            ("1700000000.5", Some(1_700_000_000.5)),
            ("4102444800", Some(4_102_444_800.0)),
            ("1e300", None),
            ("1e999", None),
            ("-1", None),
            ("\"1700000000\"", None),
            ("null", None),
            ("true", None),
            ("[1700000000]", None),
        ] {
            let parsed = serde_json::from_str(json).ok();
            let parsed = parsed.and_then(|value| NumericDate::read(&value));
            assert_eq!(parsed.map(|date| date.secs()), expected, "{json}");
        }
    }

    #[test]
    fn a_minute_of_leeway_counts_to_either_side() {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let date = |by: f64| NumericDate(1_800_000_000.0 + by);
        for (by, is_past, is_future) in [
            (-60.0, true, false),
            (-59.5, false, false),
            (0.0, false, false),
            (60.0, false, false),
            (60.5, false, true),
        ] {
            assert_eq!(date(by).is_past(now), is_past, "{by}");
            assert_eq!(date(by).is_future(now), is_future, "{by}");
        }
    }
}
