//! What must hold behind each proxy.

mod client;
pub mod journeys;
pub mod paths;
pub mod streams;

/// The tests of the suite, through this proxy.
macro_rules! through {
    ($proxy:expr) => {
        mod slow {
            use $crate::gateway::proxied::Proxy;
            use $crate::gateway::suite::{self, journeys, paths, streams};

            #[actix_web::test]
            async fn in_a_browser_one_sign_in_opens_each_app_and_a_refusal_says_why() {
                suite::in_a_browser_one_sign_in_opens_each_app_and_a_refusal_says_why($proxy).await;
            }

            #[actix_web::test]
            async fn in_a_browser_a_page_that_needs_a_recent_sign_in_leads_through_the_provider() {
                suite::in_a_browser_a_page_that_needs_a_recent_sign_in_leads_through_the_provider($proxy).await;
            }

            #[actix_web::test]
            async fn what_clients_write_reaches_neither_the_rules_nor_the_app() {
                suite::what_clients_write_reaches_neither_the_rules_nor_the_app($proxy).await;
            }

            #[actix_web::test]
            async fn no_upgrade_but_to_a_websocket_reaches_the_app() {
                streams::no_upgrade_but_to_a_websocket_reaches_the_app($proxy).await;
            }

            #[actix_web::test]
            async fn a_script_gets_401_and_nobody_gets_in_while_doorward_is_away() {
                suite::a_script_gets_401_and_nobody_gets_in_while_doorward_is_away($proxy).await;
            }

            #[actix_web::test]
            async fn a_path_that_can_be_read_in_two_ways_opens_nothing() {
                paths::a_path_that_can_be_read_in_two_ways_opens_nothing($proxy).await;
            }

            #[actix_web::test]
            async fn one_sign_in_opens_hosts_that_have_nothing_in_common_and_one_sign_out_closes_them() {
                journeys::one_sign_in_opens_hosts_that_have_nothing_in_common_and_one_sign_out_closes_them($proxy).await;
            }

            #[actix_web::test]
            async fn a_refusal_fits_what_asked() {
                journeys::a_refusal_fits_what_asked($proxy).await;
            }

            #[actix_web::test]
            async fn uploads_websockets_and_event_streams_pass_for_who_is_signed_in() {
                streams::uploads_websockets_and_event_streams_pass_for_who_is_signed_in($proxy).await;
            }
        }
    };
}
pub(super) use through;

use super::proxied::{Proxied, Proxy, SPOOFED, status};
use crate::support::browser::{Browser, Look};
use crate::support::process::PATIENCE;
use crate::support::provider_faults;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

pub async fn in_a_browser_one_sign_in_opens_each_app_and_a_refusal_says_why(proxy: Proxy) {
    let proxied = Proxied::start(proxy);
    // As much as an app can get of a person.
    let groups = Vec::from_iter((0..100).map(|at| format!("wiki-editors-{at:06}")));
    let joined = groups.join(",");
    let groups = serde_json::json!(groups);
    provider_faults::edit_userinfo(&proxied.app, move |claims| {
        claims["groups"] = groups.clone();
    });
    let browser = Browser::start(Look::DESKTOP).await;
    let deep = proxied.url("wiki", "/reports?x=1&y=%2F");
    browser.goto(&deep).await;
    browser.click("#person-ada").await;
    let seen = browser.text("#seen").await;
    assert_eq!(browser.url().await.as_str(), deep);
    assert!(seen.contains("get /reports?x=1&y=%2f http/1.1"), "{seen}");
    assert!(seen.contains("remote-email: ada@example.com"), "{seen}");
    assert!(seen.contains("host: wiki.localhost"), "{seen}");
    assert_eq!(seen.matches(&joined).count(), 2, "{seen}");
    let token = seen
        .lines()
        .find_map(|it| it.strip_prefix("x-doorward-jwt: "));
    assert!((3000..=4096).contains(&token.unwrap().len()), "{seen}");
    // What she names in `Connection` reaches the app all the same, so that it never takes her for nobody.
    let cookies = browser.cookies().await;
    let named = proxied.get(
        "/",
        &format!(
            "Cookie: {cookies}\r\nConnection: Remote-Email\r\nConnection: X-Auth-Request-Email\r\n"
        ),
    );
    match proxy {
        Proxy::Haproxy | Proxy::HaproxyCurrent => assert_eq!(status(&named), 400, "{named}"),
        _ => {
            for name in ["remote-email", "x-auth-request-email"] {
                let line = format!("{name}: ada@example.com");
                assert!(named.contains(&line), "{line}: {named}");
            }
        }
    }
    // Signed in already: the other app says at once that it is not for her.
    browser.goto(&proxied.url("metrics", "/")).await;
    let sentence = browser.text("#refused-sentence").await;
    assert!(sentence.contains("not open to you"), "{sentence}");
    assert!(
        browser
            .text("#refused-person")
            .await
            .contains("ada@example.com")
    );
    // Signing out on that page closes the wiki.
    browser.click("#logout-button").await;
    browser.text("#login-button").await;
    browser.goto(&proxied.url("wiki", "/")).await;
    browser.text("#person-ada").await;
    // The address with the code was asked for, and is in no log.
    let log = proxied.access_log();
    assert!(log.matches("/reports").count() > 2, "{log}");
    assert!(!log.contains("_doorward="), "{log}");
    // Nor is the provider's.
    assert!(log.contains("/authorization-code/callback"), "{log}");
    assert!(!log.contains("code="), "{log}");
}

pub async fn in_a_browser_a_page_that_needs_a_recent_sign_in_leads_through_the_provider(
    proxy: Proxy,
) {
    let proxied = Proxied::start(proxy);
    let browser = Browser::start(Look::DESKTOP).await;
    browser.goto(&proxied.url("wiki", "/")).await;
    browser.click("#person-ada").await;
    browser.wait_for("#seen").await;
    // Two hours later, here and at the provider, the wiki is still open.
    proxied.app.clock.shift(time::Duration::hours(2));
    let provider = &proxied.app.provider;
    provider.faults(|faults| faults.clock_ahead_secs = 2 * 3600);
    browser.goto(&proxied.url("wiki", "/")).await;
    browser.wait_for("#seen").await;
    let admin = proxied.url("wiki", "/admin?x=1");
    browser.goto(&admin).await;
    browser.click("#person-ada").await;
    let seen = browser.text("#seen").await;
    assert!(seen.contains("get /admin?x=1 http/1.1"), "{seen}");
    assert_eq!(browser.url().await.as_str(), admin);
    // Back comes to the provider's page, which asks since it was told to; its response is used up, and she is signed in.
    browser.back().await;
    browser.click("#person-ada").await;
    assert_eq!(browser.text("#claim-subject").await, "00uada");
    browser.goto(&admin).await;
    browser.wait_for("#seen").await;
}

pub async fn what_clients_write_reaches_neither_the_rules_nor_the_app(proxy: Proxy) {
    let proxied = Proxied::start(proxy);
    let public = proxied.get("/public", SPOOFED);
    assert_eq!(status(&public), 200, "{public}");
    for line in ["eve", "admins", "evil.test", "10.0.0.1"] {
        let app_sees: Vec<&str> = public.lines().filter(|it| it.contains(line)).collect();
        // What nginx only passes on is the app's own affair.
        let own = app_sees.iter().all(|it| it.starts_with("x-original-"));
        assert!(own, "{line}: {app_sees:?}");
    }
    // What `Connection` names is removed on the way (RFC 9110, 7.6.1): not what the app knows people by.
    let named = proxied.get(
        "/public",
        "Connection: Remote-User, X-Auth-Request-Groups\r\n",
    );
    for name in ["remote-user:", "x-auth-request-groups:"] {
        let is_rejected = match proxy {
            // They send no empty header.
            Proxy::Nginx | Proxy::NginxCurrent | Proxy::CaddyCurrent => status(&named) == 200,
            Proxy::Caddy | Proxy::Traefik | Proxy::Envoy => named.contains(name),
            Proxy::Haproxy | Proxy::HaproxyCurrent => status(&named) == 400,
        };
        assert!(
            is_rejected && !named.contains("connection: remote"),
            "{named}"
        );
    }
    // The host of an absolute-form request line counts, also for nginx: no rule is borrowed.
    let borrowed = proxied.raw(&format!(
        "GET http://metrics.localhost:{}/public HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
        proxied.port
    ));
    let expected = match proxy {
        Proxy::Nginx
        | Proxy::NginxCurrent
        | Proxy::Caddy
        | Proxy::CaddyCurrent
        | Proxy::Traefik
        | Proxy::Envoy => 401,
        // It refuses a line that contradicts `Host`.
        Proxy::Haproxy | Proxy::HaproxyCurrent => 400,
    };
    assert_eq!(status(&borrowed), expected, "{borrowed}");
}

pub async fn a_script_gets_401_and_nobody_gets_in_while_doorward_is_away(proxy: Proxy) {
    let mut proxied = Proxied::start(proxy);
    let script = proxied.get("/api", "Sec-Fetch-Mode: cors\r\n");
    assert_eq!(status(&script), 401);
    assert!(
        script
            .to_lowercase()
            .contains("www-authenticate: doorward realm="),
        "{script}"
    );
    assert!(!script.to_lowercase().contains("set-cookie"), "{script}");
    let tab = proxied.get("/page", "Accept: text/html\r\n");
    assert_eq!(status(&tab), 303);
    let tab = tab.to_lowercase();
    assert!(tab.contains("location: http://auth.localhost"), "{tab}");
    assert_eq!(
        tab.matches("set-cookie: doorward-pending-0").count(),
        1,
        "{tab}"
    );
    assert!(tab.contains("cache-control: no-store"), "{tab}");
    let body = "x".repeat(3 << 20);
    let posted = proxied.raw(&format!(
        "POST /public HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(
        posted.contains(&format!("body: {}", body.len())),
        "{posted}"
    );
    proxied.app.stop();
    for path in ["/public", "/"] {
        assert_eq!(
            status(&proxied.get(path, "Accept: text/html\r\n")),
            proxied.status_without_doorward,
            "{path}"
        );
    }
    // Nobody has to tell the proxy that it is back.
    answer_every_check(proxied.gateway);
    let deadline = Instant::now() + PATIENCE;
    while status(&proxied.get("/public", "")) != 200 {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            proxied.get("/public", "")
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(proxied.is_running());
}

/// Where Doorward was, something that lets everybody pass.
fn answer_every_check(addr: SocketAddr) {
    let listener = TcpListener::bind(addr).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
}
