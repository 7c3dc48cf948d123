//! Times in tokens (RFC 7519, 2): JSON numbers of seconds, fractions allowed, and nothing else.

use serde_json::Value;

/// A NumericDate that is finite, not negative, and a date that exists (before the year 10000).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumericDate(f64);

const YEAR_10000: f64 = 253_402_300_800.0;

impl NumericDate {
    /// For errors: what [`NumericDate::read`] takes.
    pub const EXPECTED: &str = "seconds since 1970 (a number, before the year 10000)";

    /// The date that `value` is, if it is one.
    pub fn read(value: &Value) -> Option<NumericDate> {
        let secs = value.as_f64()?;
        (0.0..YEAR_10000)
            .contains(&secs)
            .then_some(NumericDate(secs))
    }

    /// Seconds since 1970 in UTC.
    pub fn secs(&self) -> f64 {
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
}
