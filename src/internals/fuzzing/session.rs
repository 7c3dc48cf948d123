//! What a browser sends: cookies, and where to return to.

use std::sync::LazyLock;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use secrecy::SecretSlice;
use url::Position;

use crate::http::paths;
use crate::http::route::Routes;
use crate::http::routes::ROUTES;
use crate::public_url::PublicUrl;
use crate::session::internals::{CookieNames, Keys, OwnCookies, keep_own_cookies};
use crate::session::{LoginAttempt, ReturnTo};

/// The input is a `return_to`: if it is accepted, it stays on our origin, and is accepted unchanged the next time.
pub fn return_to(input: &[u8]) {
    static PUBLIC_URL: LazyLock<PublicUrl> =
        LazyLock::new(|| PublicUrl::parse("https://app.example.com").unwrap());
    let Ok(wanted) = std::str::from_utf8(input) else {
        return;
    };
    let routes = Routes::new(&ROUTES, PUBLIC_URL.clone());
    let parse = |wanted| ReturnTo::parse(wanted, &PUBLIC_URL, |path| routes.may_return_to(path));
    let Some(return_to) = parse(wanted) else {
        return;
    };
    let kept = return_to.as_str();
    assert!(kept.starts_with('/') && !kept.starts_with("//"), "{kept}");
    assert!(
        kept.bytes().all(|b| b.is_ascii_graphic() && b != b'\\'),
        "{kept}"
    );
    let url = PUBLIC_URL.url().join(kept).unwrap();
    assert_eq!(url.origin(), PUBLIC_URL.url().origin());
    assert_eq!(&url[Position::BeforePath..], kept);
    for route in [paths::LOGIN, paths::LOGOUT, paths::CALLBACK] {
        assert_ne!(url.path(), route);
    }
    let path = url.path().to_ascii_lowercase();
    for hidden in ["/%2f", "/%5c"] {
        assert!(!path.starts_with(hidden), "{kept}");
    }
    assert_eq!(parse(kept), Some(return_to));
}

/// The input is the value of a login attempt's cookie. After a `!` it is the plain text, which is sealed first.
pub fn cookies(input: &[u8]) {
    static KEYS: LazyLock<Keys> =
        LazyLock::new(|| Keys::derive(&SecretSlice::from((0..64).collect::<Vec<u8>>())));
    const PLACE: &str = "__Host-doorward-login-abcdefghijklmnop";
    /// The plain text of `sealed.seed`, which nothing else was ever sealed with this key.
    const PLAIN: &[u8] = br#"[["s",0],"/profile",1800000000000000000]"#;
    let opened = match input.split_first() {
        Some((b'!', plain)) => {
            let sealed = KEYS.attempts.seal(PLACE, plain.to_vec());
            assert_eq!(KEYS.attempts.open("elsewhere", &sealed), None);
            assert_eq!(KEYS.sessions.open(PLACE, &sealed), None);
            let mut changed = sealed.clone().into_bytes();
            let at = plain.first().map_or(0, |at| usize::from(*at)) % changed.len();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(KEYS.attempts.open(PLACE, &changed), None);
            let opened = KEYS.attempts.open(PLACE, &sealed);
            assert_eq!(opened.as_deref(), Some(plain));
            opened
        }
        _ => {
            let opened = std::str::from_utf8(input)
                .ok()
                .and_then(|sealed| KEYS.attempts.open(PLACE, sealed));
            assert!(opened.as_deref().is_none_or(|opened| opened == PLAIN));
            opened
        }
    };
    let _ = opened.and_then(|plain| LoginAttempt::read(&plain));
}

/// `Cookie` headers, one a line: what is left is one header with well-formed cookies of ours, each of them once, and the
/// same if it comes again.
pub fn cookie_header(input: &[u8]) {
    static NAMES: LazyLock<CookieNames> =
        LazyLock::new(|| CookieNames::of(&PublicUrl::parse("https://app.example").unwrap()));
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, line);
        }
    }
    keep_own_cookies(&mut headers, &NAMES);
    let left: Vec<HeaderValue> = headers.get_all(COOKIE).cloned().collect();
    assert!(left.len() <= 1);
    let mut seen = Vec::new();
    for cookie in left
        .iter()
        .flat_map(|line| line.to_str().unwrap().split("; "))
    {
        let (name, value) = cookie.split_once('=').unwrap();
        assert!(NAMES.is_ours(name) && !seen.contains(&name), "{cookie}");
        assert!(
            value
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
        );
        seen.push(name);
    }
    assert_eq!(keep_own_cookies(&mut headers, &NAMES), OwnCookies::Unique);
    assert!(headers.get_all(COOKIE).eq(left.iter()));
}
