//! Which requests sign a person out, and what remains afterwards.

use awc::http::Method;

use super::UNREADABLE;
use crate::on_both;
use crate::support::TestApp;
use crate::support::raw::raw;

const CROSS_SITE: &str = "Another site tried to sign you out.";

on_both! {
    /// Logout 2 (h)
    async fn after_sign_out_the_old_cookie_opens_nothing(app: TestApp) {
        let (ada, thief) = (app.visitor(), app.visitor());
        ada.sign_in("ada").await;
        thief.set_app_cookie("doorward", &ada.app_cookies()["doorward"]);
        assert!(thief.is_signed_in().await);
        assert_eq!(ada.post("/logout", "").await.status, 303);
        assert!(!thief.is_signed_in().await);
        assert!(!thief.get("/").await.has("logout-button"));
        assert_eq!(app.storage().sessions(), 0);
    }

    /// Logout 2 (f): `state` comes back as it was sent
    /// Logout 3 (b)
    /// Suite logout `rp-init-logout-other-state`
    async fn the_way_out_at_the_provider_comes_back_with_our_state_only(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        let out = ada.post("/logout", "").await;
        let kept = ada.app_cookies()["doorward-logout"].clone();
        let state = kept[kept.len() - 43..].to_owned();
        assert!(out.location().contains(&format!("state={state}")));
        for wrong in ["x", "", &state[..42], &format!("{state}A"), &"A".repeat(8000)] {
            let back = ada.get(&format!("/?state={wrong}")).await;
            assert_eq!((back.status, back.location()), (303, "/"));
            assert_eq!(ada.app_cookies().get("doorward-logout"), Some(&kept), "{wrong} changes nothing");
        }
        let back = ada.get(&format!("/?state={state}")).await;
        assert_eq!((back.status, back.location()), (303, "/"));
        assert!(ada.app_cookies().is_empty());
        assert_eq!(ada.get("/?state=x&state=y").await.refusal(), (400, UNREADABLE.to_owned()));
    }
}

/// Logout (not in the standard)
/// RFC 9700 4.12
#[actix_web::test]
async fn another_sites_form_signs_nobody_out() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let upper = app.url.to_uppercase();
    let longer = format!("{}.evil.example", app.url);
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", "null"), ("sec-fetch-site", "none")],
        &[("origin", "")],
        &[("origin", &upper)],
        &[("origin", &longer)],
        &[("origin", "http://localhost")],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://evil.example"),
        ],
        &[("sec-fetch-site", "cross-site"), ("origin", &app.url)],
    ] {
        let answer = ada.send(Method::POST, "/logout", headers, "").await;
        assert_eq!(
            answer.refusal(),
            (403, CROSS_SITE.to_owned()),
            "{headers:?}"
        );
        assert!(ada.is_signed_in().await, "{headers:?}");
        let stranger = app
            .visitor()
            .send(Method::POST, "/logout", headers, "")
            .await;
        assert_eq!(stranger.status, 403);
    }
    let ours = [
        ("sec-fetch-site", "same-origin"),
        ("origin", app.url.as_str()),
    ];
    assert_eq!(
        ada.send(Method::POST, "/logout", &ours, "").await.status,
        303
    );
    assert!(!ada.is_signed_in().await);
}

/// A second header of the same name is not passed over.
#[actix_web::test]
async fn a_request_that_says_two_things_about_where_it_comes_from_signs_nobody_out() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    for headers in [
        [
            ("origin", app.url.as_str()),
            ("origin", "https://evil.example"),
        ],
        [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ],
    ] {
        let answer = ada.send(Method::POST, "/logout", &headers, "").await;
        assert_eq!(
            answer.refusal(),
            (403, CROSS_SITE.to_owned()),
            "{headers:?}"
        );
        assert!(ada.is_signed_in().await);
    }
}

#[actix_web::test]
async fn head_signs_nobody_out() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let answer = ada.send(Method::HEAD, "/logout", &[], "").await;
    assert!(answer.status < 500 && answer.body.is_empty());
    assert!(ada.is_signed_in().await);
}

#[actix_web::test]
async fn who_is_not_signed_in_and_signs_out_is_sent_home() {
    let app = TestApp::spawn();
    let visitor = app.visitor();
    for method in [Method::GET, Method::POST] {
        let answer = visitor.send(method, "/logout", &[], "").await;
        assert_eq!((answer.status, answer.location()), (303, "/"));
        assert_eq!(answer.cookies(), [""; 0]);
    }
}

#[actix_web::test]
async fn a_big_body_at_the_sign_out_does_no_harm() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let (name, cookie) = (
        app.cookie_name("doorward"),
        ada.app_cookies()["doorward"].clone(),
    );
    for (size, chunked) in [
        (64 << 10, false),
        (64 << 10, true),
        (8 << 20, false),
        (8 << 20, true),
    ] {
        let head = format!(
            "POST /logout HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nCookie: {name}={cookie}\r\nConnection: close\r\n"
        );
        let body = "a".repeat(size);
        let request = match chunked {
            true => {
                format!("{head}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n")
            }
            false => format!("{head}Content-Length: {size}\r\n\r\n{body}"),
        };
        let answer = raw(&app, request.as_bytes());
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer:.200}"
        );
        assert!(ada.is_signed_in().await);
    }
    let form = format!("a={}", "b".repeat(12 << 10));
    assert_eq!(ada.post("/logout", &form).await.status, 303);
    assert!(!ada.is_signed_in().await);
}
