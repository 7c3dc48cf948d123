//! Properties of `return_to`, of the `Cookie` header and, in `sealing.rs`, of sealing, with input that proptest generates at each run.
//! It saves what fails in `proptest-regressions/` and tries that first from then on.

mod sealing;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::ReturnTo;
use super::cookie_header::{OwnCookies, keep_own_cookies};
use super::cookie_names::CookieNames;
use crate::public_url::PublicUrl;

const PUBLIC_URLS: [&str; 5] = [
    "https://app.example.com",
    "http://localhost:8080",
    "https://[2001:db8::1]:8443",
    "https://münchen.example",
    "https://app.example.com/a",
];

/// Text made of pieces that browsers, parsers and routers read differently.
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

/// Decodes percent-encoding alone, by the form parser of `url`: the characters that forms give a meaning are encoded first.
fn decoded(path: &str) -> String {
    let encoded = path
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let mut pairs = url::form_urlencoded::parse(encoded.as_bytes());
    pairs
        .next()
        .map_or(String::new(), |(name, _)| name.into_owned())
}

const SIGNS_IN_OR_OUT: [&str; 3] = ["/login", "/logout", "/authorization-code/callback"];

/// What [`ReturnTo::parse`] accepts stays on this site for browsers, parsers and routers alike.
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
    // The callback redirects.
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
    // Parsing the result again changes nothing.
    prop_assert_eq!(parse(kept), Some(return_to));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn whatever_is_wanted_the_person_stays_on_this_site(
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

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
        prop_assert_eq!(keep_own_cookies(&mut map, &names), OwnCookies::Unique);
        prop_assert!(map.get(COOKIE) == again.get(COOKIE));
    }
}
