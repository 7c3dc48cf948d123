//! How much of a request is read, and the response to a request that is larger.

use crate::cookies::another_site;
use crate::support::TestApp;
use crate::support::browser::{Browser, Look};
use crate::support::raw::{raw, raw_get};

const TOO_MUCH: &str = "Your browser sent too much with its request, most often too many cookies.";
const TOO_LONG: &str = "None of our pages has such a long address.";

/// nginx and others read 4 kB of an answer's head by default.
const HEAD_AT_MOST: usize = 2048;

/// A raw request with this method, target and cookies.
fn ask(app: &TestApp, method: &str, target: &str, cookies: &str) -> String {
    let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    raw(app, format!("{head}{cookies}\r\n").as_bytes())
}

#[actix_web::test]
async fn a_request_within_the_budget_is_answered() {
    let app = TestApp::spawn();
    let cookies = |count| format!("Cookie: {}\r\n", "a=b; ".repeat(count));
    let long = |bytes: usize| format!("Cookie: a={}\r\n", "b".repeat(bytes - 2));
    for (method, target, cookies, status) in [
        ("GET", "/".to_owned(), cookies(64), "200"),
        ("GET", "/".to_owned(), long(16 << 10), "200"),
        (
            "GET",
            format!("/?{}", "a".repeat(8 << 10)),
            String::new(),
            "200",
        ),
        (
            "GET",
            format!("/{}", "a".repeat(2047)),
            String::new(),
            "404",
        ),
        ("UPDATEREDIRECTRE", "/".to_owned(), String::new(), "405"),
    ] {
        let answer = ask(&app, method, &target, &cookies);
        let expected = format!("HTTP/1.1 {status} ");
        assert!(
            answer.starts_with(&expected),
            "{method} {target:.20}: {answer:.200}"
        );
    }
}

#[actix_web::test]
async fn what_is_beyond_the_budget_is_refused_with_a_small_page() {
    let app = TestApp::spawn();
    let many = format!("Cookie: {}\r\n", "a=b; ".repeat(65));
    let lines = "Cookie: a=b\r\n".repeat(65);
    let long = format!("Cookie: a={}\r\n", "b".repeat((16 << 10) - 1));
    let none = String::new();
    let callback = format!("/authorization-code/callback?{}", "state=x&".repeat(1025));
    for (method, target, cookies, status, sentence) in [
        ("GET", "/".to_owned(), &many, 431, TOO_MUCH),
        ("GET", "/".to_owned(), &lines, 431, TOO_MUCH),
        ("GET", "/".to_owned(), &long, 431, TOO_MUCH),
        ("GET", "/healthz".to_owned(), &long, 431, TOO_MUCH),
        ("POST", "/logout".to_owned(), &long, 431, TOO_MUCH),
        (
            "GET",
            format!("/?{}", "a".repeat((8 << 10) + 1)),
            &none,
            431,
            TOO_MUCH,
        ),
        ("GET", callback, &none, 431, TOO_MUCH),
        (
            "GET",
            format!("/{}", "a".repeat(2048)),
            &none,
            414,
            TOO_LONG,
        ),
        (
            "GET",
            format!("/{}", "a".repeat(60_000)),
            &none,
            414,
            TOO_LONG,
        ),
        ("UPDATEREDIRECTREF", "/".to_owned(), &none, 431, TOO_MUCH),
    ] {
        let answer = ask(&app, method, &target, cookies);
        let what = format!("{method} {target:.20} {cookies:.20}: {answer:.300}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}");
        assert!(answer.contains(sentence), "{what}");
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.len() < HEAD_AT_MOST && page.len() < 4096, "{what}");
        assert!(head.contains("content-security-policy: "), "{what}");
        assert!(!head.contains("set-cookie"), "{what}");
        let forgets = head.contains("clear-site-data: \"cookies\"");
        assert_eq!(forgets, !cookies.is_empty(), "{what}");
    }
    assert!(raw_get(&app, "/", b"a=b").starts_with("HTTP/1.1 200"));
}

mod slow {
    use super::*;

    /// An attacker planted more cookies than we read: the browser is told to delete them, and the next try works.
    #[actix_web::test]
    async fn in_chromium_too_many_cookies_are_forgotten() {
        let app = TestApp::spawn();
        let browser = Browser::start(Look::DESKTOP).await;
        let (site, _requests) = another_site(b"a=b; Path=/");
        for plant in [
            "(() => { for (let i = 0; i < 100; i++) document.cookie = `a${i}=b; path=/`; return 1 })()",
            "(() => { for (let i = 0; i < 5; i++) document.cookie = `a${i}=${'b'.repeat(3500)}; path=/`; return 1 })()",
        ] {
            browser.goto(&site).await;
            browser.evaluate(plant).await;
            browser.goto(&app.url).await;
            assert_eq!(
                browser.text("#error-title").await,
                "Your request is too large"
            );
            browser.click("#error-action").await;
            browser.click("#login-button").await;
            browser.wait_for("#person-ada").await;
        }
    }
}
