//! Cookies that are not ours, however much they look like it, and what others' cookies do to ours: nothing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc;

use crate::on_both;
use crate::support::browser::{Browser, Look};
use crate::support::raw::raw_get;
use crate::support::{Database, TestApp, log};

const HTTPS: &str = "https://app.example.com";

/// White space of Unicode, and so of Rust, that browsers do not trim around a name.
fn white_space() -> Vec<char> {
    let all = ('\u{80}'..=char::MAX).filter(|c| c.is_whitespace());
    let all: Vec<char> = all.collect();
    assert!(all.len() >= 19, "{all:?}");
    all
}

/// A session of the attacker's, which the attacker plants on a victim.
async fn session_of_grace(app: &TestApp) -> String {
    let grace = app.visitor();
    let callback = grace.callback_for("grace").await.replace(HTTPS, &app.url);
    grace.get(&callback).await;
    let is_session = |(name, _): &(String, String)| name.ends_with("doorward");
    grace.app_cookies().into_iter().find(is_session).unwrap().1
}

fn is_signed_out(app: &TestApp, cookies: &[u8]) -> bool {
    let home = raw_get(app, "/", cookies);
    assert!(home.starts_with("HTTP/1.1 200"), "{home:.200}");
    home.contains("login-button") && !home.contains("logout-button")
}

fn planted_events(app: &TestApp) -> i64 {
    let query = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'cookies_planted'";
    app.storage().number(query)
}

#[actix_web::test]
async fn no_white_space_around_a_name_makes_it_ours() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", HTTPS)]);
    let session = session_of_grace(&app).await;
    let name = app.cookie_name("doorward");
    for space in white_space() {
        for planted in [
            format!("{space}{name}={session}"),
            format!("{name}{space}={session}"),
            format!("a=b;{space} {name}={session}"),
            format!("a=b; {space}{name}{space}={session}"),
        ] {
            let signed_out = is_signed_out(&app, planted.as_bytes());
            assert!(signed_out, "{space:?} passes for ours in {planted:?}");
        }
    }
    assert!(!is_signed_out(
        &app,
        format!("\t {name} = {session}\t").as_bytes()
    ));
}

#[actix_web::test]
async fn an_attempt_under_a_name_with_white_space_is_nobodys() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", HTTPS)]);
    let grace = app.visitor();
    let callback = grace.callback_for("grace").await;
    let (_, query) = callback.split_once('?').unwrap();
    for (name, value) in grace.app_cookies() {
        let path = format!("/authorization-code/callback?{query}");
        let answer = raw_get(&app, &path, format!("\u{2003}{name}={value}").as_bytes());
        let begins_anew = format!("location: {}/authorize?", app.provider.issuer());
        assert!(answer.contains(&begins_anew), "{answer:.300}");
    }
    assert_eq!(app.storage().sessions(), 0);
}

on_both! {
    async fn a_byte_of_another_application_hides_nothing(app: TestApp) {
        let session = session_of_grace(&app).await;
        let name = app.cookie_name("doorward");
        for (before, after) in [
            (&b"utmz=Unders\xf8gelse; "[..], &b""[..]),
            (b"", b"; utmz=Unders\xf8gelse"),
            (b"\xff=\xfe;", b";\x80"),
            (b"a=\xe2\x80;", b""),
            (b"a=\xf0\x9f\x98\x80;", b""),
            (b"%ff=%00; =; ;b;", b"; c=\"; d"),
        ] {
            let own = format!("{name}={session}");
            let cookies = [before, own.as_bytes(), after].concat();
            assert!(!is_signed_out(&app, &cookies), "{}", cookies.escape_ascii());
        }
    }

    async fn a_cookie_of_ours_that_comes_twice_counts_for_nothing_and_is_an_event(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        let (_, query) = callback.split_once('?').unwrap();
        let (attempt, sealed) = ada.app_cookies().into_iter().next().unwrap();
        let attempt = app.cookie_name(&attempt);
        let session = session_of_grace(&app).await;
        let name = app.cookie_name("doorward");
        assert_eq!(planted_events(&app), 0);
        for (number, cookies) in [
            format!("{name}={session}; {name}={session}"),
            format!("{name}=x; {name}={session}"),
            format!("{name}={session}; a=b; {name}="),
            format!("{name}={session}\r\nCookie: {name}={session}"),
        ]
        .into_iter()
        .enumerate()
        {
            assert!(is_signed_out(&app, cookies.as_bytes()), "{cookies}");
            assert_eq!(planted_events(&app), number as i64 + 1, "{cookies}");
        }
        let path = format!("/authorization-code/callback?{query}");
        let twice = format!("{attempt}={sealed}; {attempt}={sealed}");
        let answer = raw_get(&app, &path, twice.as_bytes());
        assert!(answer.contains("location: http"), "a fresh attempt: {answer:.300}");
        assert_eq!(app.storage().sessions(), 1, "grace's own");

        assert!(!is_signed_out(&app, format!("{name}={session}; a=1; a=2").as_bytes()));
        let with_address = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'cookies_planted' AND address = '127.0.0.1'";
        assert_eq!(app.storage().number(with_address), 5);
    }
}

#[actix_web::test]
async fn planted_cookies_do_not_fill_the_database() {
    let app = TestApp::spawn();
    let name = app.cookie_name("doorward");
    let mark = format!("/{}", doorward::random::id());
    for _ in 0..130 {
        raw_get(&app, &mark, format!("{name}=a; {name}=b").as_bytes());
    }
    // Of one network; the minute may have changed meanwhile.
    assert!((10..=20).contains(&planted_events(&app)));
    assert_eq!(log::lines_with(&format!("GET {mark} 404")).len(), 130);
    let kept = planted_events(&app);
    app.clock.shift(time::Duration::MINUTE);
    raw_get(&app, &mark, format!("{name}=a; {name}=b").as_bytes());
    let dropped = "SELECT CAST(SUM(occurrences) AS BIGINT) AS n FROM audit_events \
                   WHERE event = 'events_dropped' AND reason = 'cookies_planted'";
    assert_eq!(app.storage().number(dropped), 130 - kept);
}

/// A site on another port, which sets a cookie for this host with bytes of its own choice, and what browsers send it:
/// cookies take no notice of ports.
pub fn another_site(set_cookie: &'static [u8]) -> (String, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = vec![0; 16 << 10];
            let len = stream.read(&mut request).unwrap_or_default();
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\nSet-Cookie: ";
            let _ = stream.write_all(&[head, set_cookie, b"\r\n\r\n"].concat());
            if sender.send(request[..len].to_vec()).is_err() {
                break;
            }
        }
    });
    (format!("http://localhost:{port}/"), requests)
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn in_chromium_white_space_around_a_name_signs_nobody_in_as_somebody_else() {
        let app = TestApp::spawn();
        let session = session_of_grace(&app).await;
        let name = app.cookie_name("doorward");
        let browser = Browser::start(Look::DESKTOP).await;
        for (before, after) in [("\\u2003", ""), ("", "\\u3000")] {
            browser.goto(&app.url).await;
            let plant = format!("document.cookie = '{before}{name}{after}={session}; path=/'");
            browser.evaluate(&plant).await;
            let kept = browser.evaluate("document.cookie").await;
            assert!(
                kept.as_str().unwrap().contains(&session),
                "it is planted: {kept}"
            );
            browser.reload().await;
            assert!(browser.exists("#login-button").await, "{before}{after}");
            assert!(!browser.exists("#logout-button").await, "{before}{after}");
        }
        browser.click("#login-button").await;
        browser.click("#person-ada").await;
        assert_eq!(browser.text("#claim-name").await, "Ada Lovelace");
    }

    #[actix_web::test]
    async fn in_chromium_another_applications_byte_keeps_nobody_out() {
        let app = TestApp::spawn();
        let browser = Browser::start(Look::DESKTOP).await;
        let (site, requests) = another_site(b"utmz=Unders\xf8gelse; Path=/");
        browser.goto(&site).await;
        browser.goto(&app.url).await;
        browser.click("#login-button").await;
        browser.click("#person-ada").await;
        assert_eq!(browser.text("#claim-name").await, "Ada Lovelace");
        browser.reload().await;
        assert_eq!(browser.text("#claim-name").await, "Ada Lovelace");
        browser.goto(&site).await;
        let sent = |request: Vec<u8>| {
            request
                .windows(17)
                .any(|bytes| bytes == b"utmz=Unders\xf8gelse")
        };
        assert!(
            requests.try_iter().any(sent),
            "the browser sends the byte as it came"
        );
    }

    /// Cookies take no notice of ports.
    #[actix_web::test]
    async fn in_chromium_two_doorwards_on_one_host_do_not_disturb_each_other() {
        let apps = [TestApp::spawn(), TestApp::spawn()];
        let browser = Browser::start(Look::DESKTOP).await;
        let people = [("ada", "Ada Lovelace"), ("grace", "Grace Hopper")];
        for (app, (person, name)) in apps.iter().zip(people) {
            browser.goto(&app.url).await;
            browser.click("#login-button").await;
            browser.click(&format!("#person-{person}")).await;
            assert_eq!(browser.text("#claim-name").await, name);
        }
        for (app, (_, name)) in apps.iter().zip(people) {
            browser.goto(&format!("{}/profile", app.url)).await;
            assert_eq!(browser.text("#claim-name").await, name);
        }
        browser.goto(&apps[1].url).await;
        browser.click("#logout-button").await;
        browser.wait_for("#login-button").await;
        browser.goto(&format!("{}/profile", apps[0].url)).await;
        assert_eq!(browser.text("#claim-name").await, "Ada Lovelace");
    }

    /// Whatever port and path are in a name, and though it demands the whole host.
    #[actix_web::test]
    async fn chromium_keeps_cookies_under_our_names() {
        let browser = Browser::start(Look::DESKTOP).await;
        let (site, _requests) = another_site(b"a=b");
        browser.goto(&site).await;
        for name in [
            "__Host-doorward",
            "__Host-doorward.8443",
            "__Host-doorward-logout+a+b",
            "__Host-doorward-login-a_b-c.8443+a.b+c~d",
        ] {
            // Chromium takes localhost for secure.
            let set = format!("document.cookie = '{name}=kept; Secure; Path=/'");
            browser.evaluate(&set).await;
            let kept = browser.evaluate("document.cookie").await;
            assert!(
                kept.as_str().unwrap().contains(&format!("{name}=kept")),
                "{kept}"
            );
        }
    }
}
