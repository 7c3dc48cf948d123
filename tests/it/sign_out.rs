//! Signing out: which request does so by itself, which one asks first.

use awc::http::Method;

use crate::support::TestApp;
use crate::support::browser::{Browser, Look};

const NAVIGATION: [(&str, &str); 3] = [
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

/// What browsers of today and of some years ago send with a prefetch.
const PREFETCHES: [(&str, &str); 8] = [
    ("sec-purpose", "prefetch"),
    ("sec-purpose", "prefetch;prerender"),
    ("sec-purpose", "prefetch;anonymous-client-ip"),
    ("sec-purpose", "Prefetch"),
    ("purpose", "prefetch"),
    ("purpose", "preview"),
    ("x-purpose", "preview"),
    ("x-moz", "prefetch"),
];

#[actix_web::test]
async fn a_link_of_ours_signs_out() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let out = ada.send(Method::GET, "/logout", &NAVIGATION, "").await;
    let provider = format!("{}/end_session?", app.provider.issuer());
    assert!(out.location().starts_with(&provider));
    assert!(!ada.is_signed_in().await);
}

/// Logout (not in the standard)
#[actix_web::test]
async fn a_link_that_is_not_surely_ours_asks_first() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let [site, mode, dest] = NAVIGATION;
    let asks = async |headers: &[(&str, &str)]| {
        let answer = ada.send(Method::GET, "/logout", headers, "").await;
        assert!(
            answer.status == 200 && answer.has("logout-button"),
            "{headers:?}: {}",
            answer.body
        );
        assert!(ada.is_signed_in().await, "{headers:?}");
    };
    for other in ["cross-site", "same-site", "none", "", "SAME-ORIGIN", "evil"] {
        asks(&[("sec-fetch-site", other), mode, dest]).await;
    }
    // Over plain http browsers say nothing of where a request comes from.
    asks(&[]).await;
    asks(&[mode, dest]).await;
    for other in ["no-cors", "cors", "same-origin", "nested-navigate", ""] {
        asks(&[site, ("sec-fetch-mode", other), dest]).await;
    }
    for other in ["iframe", "image", "empty", "object", ""] {
        asks(&[site, mode, ("sec-fetch-dest", other)]).await;
    }
    asks(&[site, mode]).await;
    asks(&[site, dest]).await;
    asks(&[site, site, mode, dest]).await;
    asks(&[site, ("sec-fetch-site", "cross-site"), mode, dest]).await;
    asks(&[site, mode, dest, ("origin", "https://evil.example")]).await;
    for prefetch in PREFETCHES {
        asks(&[site, mode, dest, prefetch]).await;
    }
}

/// A proxy that adds `no-referrer` makes browsers send `Origin: null` with our own form.
#[actix_web::test]
async fn our_own_form_signs_out_behind_a_proxy_that_hides_its_origin() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    let out = ada.send(Method::POST, "/logout", &headers, "").await;
    assert_eq!(out.status, 303);
    assert!(!ada.is_signed_in().await);
}

#[actix_web::test]
async fn a_prefetch_of_the_sign_in_or_of_its_answer_does_nothing() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    let callback = ada.callback_for("ada").await;
    let cookies = ada.app_cookies();
    for prefetch in PREFETCHES {
        for (method, target) in [
            (Method::GET, "/login"),
            (Method::HEAD, "/login"),
            (Method::GET, "/login?return_to=/a&login_hint=ada"),
            (Method::GET, callback.as_str()),
            (
                Method::GET,
                "/authorization-code/callback?error=access_denied",
            ),
        ] {
            let answer = ada.send(method, target, &[prefetch], "").await;
            assert_eq!(answer.status, 204, "{prefetch:?} {target}");
            assert_eq!(answer.cookies(), [""; 0], "{prefetch:?} {target}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    assert_eq!(ada.app_cookies(), cookies);
    assert_eq!(app.storage().sessions(), 0);
    let others = [("sec-purpose", "x"), ("purpose", ""), ("x-moz", "1")];
    let back = ada.send(Method::GET, &callback, &others, "").await;
    assert_eq!(back.location(), "/profile", "the attempt is still there");
}

mod slow {
    use super::*;

    /// A prefetch by Chromium signs no person out and uses up no attempt.
    #[actix_web::test]
    async fn a_real_prefetch_signs_nobody_out() {
        let app = TestApp::spawn();
        let browser = Browser::start(Look::DESKTOP).await;
        browser.goto(&app.url).await;
        browser.click("#login-button").await;
        browser.click("#person-ada").await;
        browser.wait_for("#claim-subject").await;
        let logout = format!("{}/logout", app.url);
        let fetch_ahead = format!(
            "(() => {{ const a = document.createElement('link'); a.rel = 'prefetch'; \
             a.href = '{logout}?ahead'; document.head.append(a); return true }})()"
        );
        browser.evaluate(&fetch_ahead).await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let ahead = format!("{logout}?ahead");
        while !browser.requested_urls().await.contains(&ahead) {
            assert!(
                std::time::Instant::now() < deadline,
                "nothing is prefetched"
            );
        }
        browser.goto(&format!("{}/profile", app.url)).await;
        browser.wait_for("#claim-subject").await;
        // An address that was typed asks, too.
        browser.goto(&logout).await;
        assert_eq!(browser.text("h1").await, "Do you want to sign out?");
        assert_eq!(app.storage().sessions(), 1);
    }
}
