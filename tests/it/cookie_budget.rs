//! No page and no link fills a browser with our cookies until a proxy refuses all that it asks.

use std::net::SocketAddr;

use futures_util::future::join_all;

use crate::support::browser::{Browser, Look};
use crate::support::nginx::Nginx;
use crate::support::postgres::free_port;
use crate::support::provider::Endpoint;
use crate::support::{Database, TestApp, Visitor};

const HTTPS: &str = "https://app.example.com";

/// All that we may have in one browser, in bytes of its `Cookie` header.
const ALL_LIMIT: usize = 5 * 1024;

/// The attempts among it.
const ATTEMPTS_LIMIT: usize = 3 * 1024;

fn bytes_of(visitor: &Visitor, is_counted: impl Fn(&str) -> bool) -> usize {
    let cookies = visitor.app_cookies();
    let counted = cookies.iter().filter(|(name, _)| is_counted(name));
    counted
        .map(|(name, value)| name.len() + 1 + value.len() + 2)
        .sum()
}

fn assert_fits(visitor: &Visitor) {
    let attempts = bytes_of(visitor, |name| name.contains("-login-"));
    assert!(attempts <= ATTEMPTS_LIMIT, "{attempts}");
    let all = bytes_of(visitor, |_| true);
    assert!(all <= ALL_LIMIT, "{all}");
}

/// A form of another site's page: the browser sends no cookie with it, and keeps those that come.
async fn post_from_elsewhere(visitor: &Visitor, form: &str) {
    let kept = visitor.app_cookies();
    kept.keys()
        .for_each(|name| visitor.set_app_cookie(name, ""));
    visitor.post("/authorization-code/callback", form).await;
    for (name, value) in kept {
        if !visitor.app_cookies().contains_key(&name) {
            visitor.set_app_cookie(&name, &value);
        }
    }
}

#[actix_web::test]
async fn whatever_a_browser_is_led_to_our_cookies_stay_few() {
    for mode in ["query", "form_post"] {
        let variables = [("PUBLIC_URL", HTTPS), ("OIDC_RESPONSE_MODE", mode)];
        let app = TestApp::spawn_with(Database::Sqlite, &variables);
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await.replace(HTTPS, &app.url);
        assert_eq!(ada.get(&callback).await.status, 303);
        ada.post("/logout", "").await;
        let callback = ada.callback_for("ada").await.replace(HTTPS, &app.url);
        if mode == "query" {
            ada.get(&callback).await;
        }
        let lengths = [
            1, 9, 80, 96, 97, 128, 300, 511, 600, 511, 511, 96, 96, 5, 5, 5,
        ];
        for (number, length) in lengths.iter().cycle().take(60).enumerate() {
            let padding = "a".repeat(*length);
            ada.get(&format!("/login?return_to=/{padding}")).await;
            assert_fits(&ada);
            let code = "c".repeat(number * 50);
            post_from_elsewhere(&ada, &format!("state={number}xxxxxxxxxxxxxxxx&code={code}")).await;
            assert_fits(&ada);
        }
        assert!(bytes_of(&ada, |name| name.contains("-login-")) > 2000);
    }
}

/// No answer can take into account what another one sets at the same moment.
#[actix_web::test]
async fn many_that_are_led_to_us_at_the_same_moment_fill_nothing_either() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", HTTPS)]);
    // A long place makes attempts of the same moment share one cookie.
    for (length, least) in [(9, 2500), (60, 3000), (95, 3000), (96, 250), (511, 800)] {
        let ada = app.visitor();
        let login = format!("/login?return_to=/{}", "a".repeat(length));
        join_all((0..15).map(|_| ada.get(&login))).await;
        let all = bytes_of(&ada, |_| true);
        assert!((least..=ALL_LIMIT).contains(&all), "{length}: {all}");
        // The next answers remove what is too much, a few attempts each.
        for _ in 0..3 {
            ada.get(&login).await;
        }
        assert_fits(&ada);
    }
}

/// What fits is kept: no attempt is dropped without need.
#[actix_web::test]
async fn six_tabs_sign_in_side_by_side() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", HTTPS)]);
    let ada = app.visitor();
    let long = format!("/long{}", "a".repeat(500));
    let mut places = vec![long];
    places.extend((0..5).map(|tab| format!("/profile?tab={tab}")));
    let mut callbacks = Vec::new();
    for place in &places {
        let there = ada.begin(&format!("/login?return_to={place}")).await;
        let callback = ada.choose(&there, "ada").await;
        callbacks.push(callback.replace(HTTPS, &app.url));
    }
    for (callback, place) in callbacks.iter().zip(&places) {
        assert_eq!(ada.get(callback).await.location(), place);
    }
    assert_eq!(ada.app_cookies().len(), 1, "{:?}", ada.app_cookies().keys());
    assert_eq!(app.provider.request_count(Endpoint::Token), places.len());
}

#[actix_web::test]
async fn a_longer_place_to_return_to_is_the_profile() {
    let app = TestApp::spawn();
    for (length, is_kept) in [(511, true), (512, false), (4000, false)] {
        let ada = app.visitor();
        let place = format!("/{}", "a".repeat(length));
        let there = ada.begin(&format!("/login?return_to={place}")).await;
        let callback = ada.choose(&there, "ada").await;
        let expected = if is_kept { place.as_str() } else { "/profile" };
        assert_eq!(ada.get(&callback).await.location(), expected);
    }
}

/// Form Post 4 (c)
#[actix_web::test]
async fn where_no_answer_comes_by_post_none_is_taken() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let (_, form) = callback.split_once('?').unwrap();
    for headers in [
        vec![],
        vec![
            ("origin", app.url.as_str()),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        let method = awc::http::Method::POST;
        let refused = ada.send(method, "/authorization-code/callback", &headers, form);
        let refused = refused.await;
        assert_eq!(refused.status, 405);
        assert_eq!(refused.header("allow"), Some("GET"));
        assert_eq!(refused.cookies(), [""; 0]);
    }
    assert_eq!(ada.get(&callback).await.location(), "/profile");
}

mod slow {
    use super::*;

    /// As it was found: Chromium, nginx, and a page that sends the browser to us again and again.
    #[actix_web::test]
    async fn a_browser_that_was_led_to_us_often_gets_on_behind_nginx() {
        // Chromium resolves `localhost` alone.
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let url = format!("http://localhost:{}", addr.port());
        let app = TestApp::spawn_with(
            Database::Sqlite,
            &[("PUBLIC_URL", &url), ("OIDC_RESPONSE_MODE", "form_post")],
        );
        let upstream = app.url.replace("http://localhost", "127.0.0.1");
        let _nginx = Nginx::with_default_buffers(addr, &[upstream]);
        let browser = Browser::start(Look::DESKTOP).await;
        for number in 0..12 {
            let padding = "a".repeat(500);
            let login = format!("{url}/login?return_to=/{number}{padding}");
            browser.goto(&login).await;
            browser.wait_for("#person-ada").await;
            let before = browser.url().await;
            // The provider's origin is another site's.
            let form = format!(
                "(() => {{ const f = document.createElement('form'); f.method = 'post'; f.id = 'planted'; \
                 f.action = '{url}/authorization-code/callback'; \
                 for (const [n, v] of [['state', '{number}' + 'x'.repeat(20)], ['code', 'c'.repeat(1000)]]) {{ \
                 const i = document.createElement('input'); i.name = n; i.value = v; f.append(i); }} \
                 document.body.append(f); f.submit(); return true }})()"
            );
            browser.evaluate(&form).await;
            browser
                // It leads to the provider once more, with another state.
                .wait_for_url(|at| *at != before && at.path() == before.path())
                .await;
        }
        browser.goto(&url).await;
        browser.click("#login-button").await;
        browser.click("#person-ada").await;
        browser.wait_for("#claim-subject").await;
    }
}
