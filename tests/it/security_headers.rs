//! The security headers of responses.

use awc::http::Method;

use crate::support::browser::{Browser, Look};
use crate::support::{Database, TestApp};

const HTTPS: &str = "https://app.example.com";

/// The address of an error page may hold a code, a state or a hint, and its page asks for a style sheet.
///
/// RFC 9700 4.2.4 (b)
#[actix_web::test]
async fn an_error_page_makes_no_browser_tell_its_address() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    for (target, status) in [
        ("/authorization-code/callback", 403),
        ("/authorization-code/callback?code=a&code=b", 400),
        ("/login?login_hint=ada&login_hint=ada", 400),
        ("/nothing?code=a", 404),
    ] {
        let answer = ada.get(target).await;
        assert_eq!(answer.status, status, "{target}");
        let policy = answer.header("referrer-policy");
        assert_eq!(policy, Some("no-referrer"), "{target}");
    }
    let put = ada.send(Method::PUT, "/authorization-code/callback?code=a", &[], "");
    assert_eq!(put.await.header("referrer-policy"), Some("no-referrer"));
}

#[actix_web::test]
async fn browsers_are_told_to_come_by_https_to_the_subdomains_too_if_the_operator_says_so() {
    let subdomains = "max-age=31536000; includeSubDomains";
    for (public_url, setting, expected) in [
        (HTTPS, "true", Some(subdomains)),
        (HTTPS, "false", Some("max-age=31536000")),
        (HTTPS, "", Some("max-age=31536000")),
        ("", "true", None),
    ] {
        let variables = [
            ("PUBLIC_URL", public_url),
            ("HSTS_INCLUDE_SUBDOMAINS", setting),
        ];
        let variables: Vec<_> = variables
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let app = TestApp::spawn_with(Database::Sqlite, &variables);
        let answer = app.visitor().get("/healthz").await;
        assert_eq!(answer.header("strict-transport-security"), expected);
    }
}

mod slow {
    use super::*;

    /// RFC 9700 4.2.4 (b)
    #[actix_web::test]
    async fn the_style_sheet_of_an_error_page_is_asked_for_without_a_referer() {
        let app = TestApp::spawn();
        let browser = Browser::start(Look::DESKTOP).await;
        let page = format!(
            "{}/authorization-code/callback?code=a&code=b&state=s",
            app.url
        );
        browser.goto(&page).await;
        browser.wait_for("#error-title").await;
        let referrers = browser.referers_for("/assets/style").await;
        assert_eq!(referrers, [None]);
        let applied = "getComputedStyle(document.querySelector('.skip')).position";
        assert_eq!(browser.evaluate(applied).await, "absolute");
    }
}
