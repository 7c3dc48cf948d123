//! What holds whatever comes in: places to return to, cookies and durations that proptest makes up,
//! others at each run. What it finds it keeps in `proptest-regressions/`, and tries first from then on.

use std::sync::LazyLock;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use secrecy::SecretSlice;

use super::ReturnTo;
use super::cookie_header::{OwnCookies, keep_own_cookies};
use super::cookie_names::CookieNames;
use super::keys::Keys;
use crate::public_url::PublicUrl;
use crate::settings::Settings;

const PUBLIC_URLS: [&str; 5] = [
    "https://app.example.com",
    "http://localhost:8080",
    "https://[2001:db8::1]:8443",
    "https://münchen.example",
    "https://app.example.com/a",
];

/// Text that is like what people try: the pieces that browsers, parsers and routers read differently.
fn hostile() -> impl Strategy<Value = String> {
    let pieces: &'static [&str] = &[
        "/",
        "/",
        "//",
        "\\",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5c",
        "%5C",
        "%",
        "%25",
        "%252f",
        "%00",
        "%0a",
        "%0d",
        "%09",
        "%20",
        "%7f",
        "%ff",
        "%+a",
        "%u002f",
        "\t",
        "\n",
        "\r",
        "\u{0}",
        " ",
        "\u{7f}",
        "?",
        "#",
        "@",
        ":",
        ";",
        "=",
        "&",
        "+",
        "login",
        "%6cogin",
        "LOGIN",
        "logout",
        "log%6Fut",
        "authorization-code",
        "callback",
        "authorization-code/callback",
        "profile",
        "https:",
        "javascript:",
        "evil.example",
        "localhost",
        "app.example.com",
        "127.0.0.1",
        "[::1]",
        "a",
        "é",
        "\u{2044}",
        "\u{3002}",
        "\u{ff0f}",
        "\u{ff3c}",
        "\u{202e}",
        "\u{feff}",
        "\u{ad}",
        "[",
        "]",
        "{",
        "|",
        "^",
        "`",
        "\"",
        "<",
        "'",
    ];
    let text = vec(select(pieces), 0..10).prop_map(|pieces| pieces.concat());
    prop_oneof![
        1 => text.clone(),
        2 => text.clone().prop_map(|text| format!("/{text}")),
        1 => text.prop_map(|text| format!("/a/../{text}")),
    ]
}

/// Decodes as the crate `url` does for forms, where the signs that mean something there are hidden
/// from it.
fn decoded(path: &str) -> String {
    let hidden = path
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let mut pairs = url::form_urlencoded::parse(hidden.as_bytes());
    pairs
        .next()
        .map_or(String::new(), |(name, _)| name.into_owned())
}

const SIGNS_IN_OR_OUT: [&str; 3] = ["/login", "/logout", "/authorization-code/callback"];

/// What comes out stays here, whoever reads it.
fn check_return_to(wanted: &str, public_url: &str) -> Result<(), TestCaseError> {
    let public_url = PublicUrl::parse(public_url).unwrap();
    let signs_in_or_out = |path: &str| {
        SIGNS_IN_OR_OUT.contains(&path.strip_prefix(public_url.base()).unwrap_or_default())
    };
    let parse = |wanted: &str| ReturnTo::parse(wanted, &public_url, |path| !signs_in_or_out(path));
    let Some(return_to) = parse(wanted) else {
        return Ok(());
    };
    let kept = return_to.as_str();
    prop_assert!(kept.starts_with('/') && !kept.starts_with("//"), "{kept}");
    prop_assert!(
        kept.bytes().all(|b| b.is_ascii_graphic() && b != b'\\'),
        "{kept}"
    );
    prop_assert!(kept.len() <= 1024);
    // The page that redirects is the callback.
    for page in ["/", "/authorization-code/callback"] {
        let url = public_url.url().join(page).unwrap().join(kept).unwrap();
        prop_assert_eq!(url.origin(), public_url.url().origin());
        prop_assert_eq!((url.username(), url.password()), ("", None));
        prop_assert_eq!(&url[url::Position::BeforePath..], kept);
        // A router, or a proxy between, may decode the path.
        let path = decoded(url.path());
        prop_assert!(!signs_in_or_out(&path), "{kept}");
        prop_assert!(
            !path.starts_with("//") && !path.starts_with("/\\"),
            "{kept}"
        );
        prop_assert!(!path.contains(|c: char| c.is_ascii_control()), "{kept}");
    }
    // What was kept once is kept again, as it is.
    prop_assert_eq!(parse(kept), Some(return_to));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn whatever_is_wanted_the_person_stays_here(
        text in any::<String>(),
        hostile in hostile(),
        public_url in select(&PUBLIC_URLS[..]),
    ) {
        check_return_to(&text, public_url)?;
        check_return_to(&format!("/{text}"), public_url)?;
        check_return_to(&hostile, public_url)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_plain_place_of_ours_is_kept(path in "(/[a-z0-9._~-]{1,8}){1,5}/x(\\?[a-z=&%2f/:]{0,20})?") {
        prop_assume!(!path.contains("/./") && !path.contains("/../"));
        let public_url = PublicUrl::parse(PUBLIC_URLS[0]).unwrap();
        let kept = ReturnTo::parse(&path, &public_url, |_| true).map(|kept| kept.as_str().to_owned());
        prop_assert_eq!(kept, Some(path));
    }
}

static KEYS: LazyLock<Keys> =
    LazyLock::new(|| Keys::derive(&SecretSlice::from((0..64).collect::<Vec<u8>>())));

#[test]
fn a_sealed_text_with_any_one_byte_changed_does_not_open() {
    let sealed = KEYS
        .attempts
        .seal("here", b"state, nonce, verifier".to_vec());
    assert!(KEYS.attempts.open("here", &sealed).is_some());
    for at in 0..sealed.len() {
        for byte in 0..128 {
            let mut changed = sealed.clone().into_bytes();
            if changed[at] != byte {
                changed[at] = byte;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(KEYS.attempts.open("here", &changed), None, "{changed}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_sealed_opens_in_its_place_and_in_no_other(
        plain in vec(any::<u8>(), 0..300),
        place in any::<String>(),
        other in any::<String>(),
    ) {
        let sealed = KEYS.attempts.seal(&place, plain.clone());
        prop_assert_eq!(KEYS.attempts.open(&place, &sealed), Some(plain));
        prop_assert!(place == other || KEYS.attempts.open(&other, &sealed).is_none());
        prop_assert_eq!(KEYS.attempts.open(&format!("{place}x"), &sealed), None);
        prop_assert_eq!(KEYS.sessions.open(&place, &sealed), None);
    }

    #[test]
    fn a_sealed_text_with_another_byte_does_not_open(
        plain in vec(any::<u8>(), 0..300),
        at in any::<Index>(),
        byte in 0..128_u8,
        cut in any::<Index>(),
    ) {
        let sealed = KEYS.attempts.seal("here", plain);
        let at = at.index(sealed.len());
        let mut changed = sealed.clone().into_bytes();
        changed[at] = byte;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(changed == sealed || KEYS.attempts.open("here", &changed).is_none());
        prop_assert_eq!(KEYS.attempts.open("here", &sealed[..cut.index(sealed.len())]), None);
    }

    #[test]
    fn nothing_made_up_opens(text: String, base64url in "[A-Za-z0-9_-]{0,200}") {
        prop_assert_eq!(KEYS.attempts.open("here", &text), None);
        prop_assert_eq!(KEYS.attempts.open("here", &base64url), None);
    }

    #[test]
    fn of_any_cookie_header_our_own_cookies_are_left_in_good_form(
        lines in vec("((\u{2003}|[ \t%_;=,\"]|.)?(doorward|doorward-logout|doorward-login-[a-z]{0,2}|[a-z]{1,9})=?.{0,3};?){0,3}", 0..4),
        cut: Index,
    ) {
        let names = CookieNames::of(&PublicUrl::parse("http://localhost").unwrap());
        let mut map = HeaderMap::new();
        for line in &lines {
            // At any byte, so that some are no UTF-8.
            let line = &line.as_bytes()[..cut.index(line.len() + 1)];
            if let Ok(line) = HeaderValue::from_bytes(line) {
                map.append(COOKIE, line);
            }
        }
        keep_own_cookies(&mut map, &names);
        let left: Vec<&str> = map.get_all(COOKIE).map(|line| line.to_str().unwrap()).collect();
        prop_assert!(left.len() <= 1);
        let pairs: Vec<(&str, &str)> = left
            .iter()
            .flat_map(|line| line.split("; "))
            .map(|pair| pair.split_once('=').unwrap())
            .collect();
        for (name, value) in &pairs {
            prop_assert!(names.is_ours(name));
            prop_assert!(value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)));
            prop_assert_eq!(pairs.iter().filter(|(other, _)| other == name).count(), 1);
        }
        let again = map.clone();
        prop_assert_eq!(keep_own_cookies(&mut map, &names), OwnCookies::AsWeSetThem);
        prop_assert!(map.get(COOKIE) == again.get(COOKIE));
    }
}

const SESSION_KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

/// The seconds that `SESSION_IDLE_TIMEOUT` means, if it is taken.
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
        // Nothing but spaces is no setting: then the default holds.
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
        // As many small ones as large ones.
        let number = u64::from(number >> (number % 32));
        let expected = number * unit_secs;
        let expected = Some(expected).filter(|secs| (1..=400 * 86400).contains(secs));
        prop_assert_eq!(idle_timeout_secs(&format!("{number}{unit}")), expected);
    }
}
