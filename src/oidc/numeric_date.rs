//! Times in tokens (RFC 7519, 2): JSON numbers of seconds, fractions allowed, and nothing else.

use serde::{Deserialize, Deserializer, de};

/// A NumericDate that is finite, not negative, and a date that exists (before the year 10000).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumericDate(f64);

const YEAR_10000: f64 = 253_402_300_800.0;

impl NumericDate {
    /// Seconds since 1970 in UTC.
    pub fn secs(&self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secs = f64::deserialize(deserializer)?;
        if (0.0..YEAR_10000).contains(&secs) {
            Ok(NumericDate(secs))
        } else {
            Err(de::Error::custom("a time that is no date"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let parsed = serde_json::from_str::<NumericDate>(json).ok();
            assert_eq!(parsed.map(|date| date.secs()), expected, "{json}");
        }
    }
}
