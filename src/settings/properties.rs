//! Properties of the settings' durations, with input that proptest generates at each run. It saves what fails in
//! `proptest-regressions/` and tries that first from then on.

use proptest::prelude::*;
use proptest::sample::select;

use super::Settings;

const SESSION_KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

/// The seconds that `SESSION_IDLE_TIMEOUT` means, if it is accepted.
fn idle_timeout_secs(text: &str) -> Option<u64> {
    let no_file = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let settings = Settings::read(
        &|name| {
            let value = match name {
                "OIDC_ISSUER" => "https://op.example",
                "OIDC_CLIENT_ID" => "id",
                "OIDC_CLIENT_SECRET" => "secret",
                "SESSION_KEY" => SESSION_KEY,
                "SESSION_ABSOLUTE_TIMEOUT" => "400d",
                "SESSION_IDLE_TIMEOUT" => text,
                _ => return None,
            };
            Some(value.to_owned())
        },
        &no_file,
    );
    let timeout = settings.ok()?.sessions.idle_timeout;
    assert_eq!(timeout.subsec_nanos(), 0);
    Some(timeout.as_secs())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_timeout_lasts_a_second_at_least_and_400_days_at_most(
        text in "\\PC*|-?[+0-9.]{0,22}[smhdé ]{0,2}",
    ) {
        // A setting of spaces alone counts as unset, and the default applies.
        prop_assume!(!text.trim().is_empty());
        if let Some(secs) = idle_timeout_secs(&text) {
            prop_assert!((1..=400 * 86400).contains(&secs), "{text} is {secs} s");
            prop_assert!(text.trim().ends_with(['s', 'm', 'h', 'd']));
        }
    }

    #[test]
    fn a_timeout_is_a_number_of_its_unit(
        number in any::<u32>(),
        (unit, unit_secs) in select(&[("s", 1), ("m", 60), ("h", 3600), ("d", 86400)][..]),
    ) {
        // Small numbers are as likely as large ones.
        let number = u64::from(number >> (number % 32));
        let expected = number * unit_secs;
        let expected = Some(expected).filter(|secs| (1..=400 * 86400).contains(secs));
        prop_assert_eq!(idle_timeout_secs(&format!("{number}{unit}")), expected);
    }
}
