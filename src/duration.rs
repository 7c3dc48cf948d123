//! Durations as people write them.

use std::time::Duration;

/// Like [`parse`], or zero: `0s`.
pub fn parse_or_zero(text: String) -> Result<Duration, String> {
    match text.as_str() {
        "0" | "0s" => Ok(Duration::ZERO),
        _ => parse(text),
    }
}

/// A whole number and a unit: `90s`, `30m`, `8h`, `7d`. Not zero, and at most 400 days, the longest
/// that browsers keep a cookie.
pub fn parse(text: String) -> Result<Duration, String> {
    up_to(400, text)
}

/// As [`parse`], but at most ten years, for what is kept and not carried by a browser.
pub fn parse_years(text: String) -> Result<Duration, String> {
    up_to(3660, text)
}

fn up_to(limit_days: u64, text: String) -> Result<Duration, String> {
    let fault = || "is not a number with a unit: s, m, h or d".to_owned();
    let unit = text.chars().last().ok_or_else(fault)?;
    let number = &text[..text.len() - unit.len_utf8()];
    let unit_secs: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return Err(fault()),
    };
    let secs = number
        .parse::<u64>()
        .map_err(|_| fault())?
        .saturating_mul(unit_secs);
    match secs {
        0 => Err("must be greater than zero".to_owned()),
        secs if secs > limit_days * 86400 => Err(format!("is more than {limit_days} days")),
        secs => Ok(Duration::from_secs(secs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_is_a_duration() {
        for (text, secs) in [("90s", 90), ("30m", 1800), ("8h", 28800), ("7d", 604_800)] {
            assert_eq!(parse(text.into()), Ok(Duration::from_secs(secs)));
        }
        for wrong in [
            "",
            "8",
            "h",
            "8 h",
            "-1h",
            "1.5h",
            "0s",
            "401d",
            "8é",
            "99999999999999999999d",
        ] {
            assert!(parse(wrong.into()).is_err(), "{wrong}");
        }
        assert!(parse_years("3660d".into()).is_ok() && parse_years("3661d".into()).is_err());
    }
}
