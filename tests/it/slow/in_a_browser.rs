//! The journey as a person makes it: in Chromium, at desktop and phone size, in the dark, and with
//! JavaScript switched off.

use crate::on_both;
use crate::support::browser::{Browser, Look};
use crate::support::{Database, TestApp};

/// Where `SCREENSHOTS` says, pictures of the pages are kept, to be looked at.
async fn picture(browser: &Browser, name: &str) {
    if let Ok(folder) = std::env::var("SCREENSHOTS") {
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        browser.screenshot(&path).await;
    }
}

async fn sign_in(browser: &Browser, app: &TestApp, person: &str) {
    browser.goto(&app.url).await;
    browser.click("#login-button").await;
    browser.click(&format!("#person-{person}")).await;
    browser.wait_for("#claim-subject").await;
}

/// From one side to the other, no page is wider than the window.
async fn assert_fits(browser: &Browser) {
    let wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(
        browser.evaluate(wider).await,
        false,
        "{} scrolls sideways",
        browser.url().await
    );
    let headings = "document.querySelectorAll('h1').length";
    assert_eq!(
        browser.evaluate(headings).await,
        1,
        "{} has one h1",
        browser.url().await
    );
}

async fn journey(app: TestApp, look: Look, name: &str) {
    let browser = Browser::start(look).await;
    let issuer = app.provider.issuer();

    browser.goto(&app.url).await;
    assert_eq!(browser.title().await, "Sign in – Doorward");
    assert!(!browser.exists("#logout-button").await);
    assert_fits(&browser).await;
    picture(&browser, &format!("{name}-home")).await;

    browser.click("#login-button").await;
    browser.wait_for("#person-ada").await;
    assert!(
        browser
            .url()
            .await
            .as_str()
            .starts_with(&format!("{issuer}/authorize?"))
    );
    picture(&browser, &format!("{name}-provider")).await;
    browser.click("#person-ada").await;
    browser.wait_for("#claim-email").await;
    assert_eq!(browser.url().await.as_str(), format!("{}/profile", app.url));
    assert_eq!(browser.text("#claim-name").await, "Ada Lovelace");
    assert_eq!(browser.text("#claim-email").await, "ada@example.com");
    assert_fits(&browser).await;
    picture(&browser, &format!("{name}-profile")).await;

    browser.reload().await;
    assert_eq!(browser.text("#claim-name").await, "Ada Lovelace");
    browser.new_tab().await;
    browser.goto(&app.url).await;
    assert!(browser.exists("#logout-button").await && !browser.exists("#login-button").await);
    picture(&browser, &format!("{name}-home-signed-in")).await;
    browser.switch_tab(0).await;

    browser.click("#logout-button").await;
    browser.wait_for("#login-button").await;
    assert_eq!(browser.url().await.as_str(), format!("{}/", app.url));
    browser.back().await;
    // Whatever Back shows, it is not the profile: the provider's page, or the way to sign in.
    let is_there = |url: &url::Url| url.as_str() != format!("{}/", app.url);
    browser.wait_for_url(is_there).await;
    browser.wait_for("#person-ada, #login-button").await;
    assert!(
        !browser.source().await.contains("Ada Lovelace") || browser.exists("#person-ada").await
    );
    assert!(!browser.exists("#claim-name").await);
    browser.switch_tab(1).await;
    browser.reload().await;
    assert!(
        browser.exists("#login-button").await,
        "the other tab is signed out too"
    );

    browser.click("#login-button").await;
    browser.click("#cancel").await;
    assert_eq!(browser.text("#error-title").await, "You were not let in");
    assert_eq!(browser.text("#error-reference").await.len(), 12);
    assert_fits(&browser).await;
    picture(&browser, &format!("{name}-cancelled")).await;

    for url in browser.requested_urls().await {
        let ours = url.starts_with(&app.url) || url.starts_with(&issuer);
        assert!(ours, "the browser was made to ask for {url}");
    }
    // The one error on the way is the 403 of the page that tells of the cancelled sign-in.
    for error in browser.console_errors().await {
        assert!(
            error.contains("403 (Forbidden)") || error.contains("/favicon.ico"),
            "{error}"
        );
    }
}

on_both! {
    async fn at_a_desk(app: TestApp) {
        journey(app, Look::DESKTOP, "desk").await;
    }
}

#[actix_web::test]
async fn below_a_path() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("PUBLIC_URL", "/doorward")]);
    journey(app, Look::DESKTOP, "path").await;
}

#[actix_web::test]
async fn many_long_groups_fit_on_a_phone() {
    let app = TestApp::spawn();
    let long = "cn=a-group-with-a-name-of-its-own,ou=groups,dc=example,dc=com".repeat(4);
    app.provider.faults(|faults| {
        faults.edit_userinfo = Some(Box::new(move |claims| {
            claims["groups"] = serde_json::json!(["staff", long, "editors of the wiki"]);
        }));
    });
    let browser = Browser::start(Look::PHONE).await;
    sign_in(&browser, &app, "grace").await;
    assert!(
        browser
            .text("#claim-groups")
            .await
            .starts_with("staff\ncn=a")
    );
    assert_fits(&browser).await;
    picture(&browser, "phone-groups").await;
}

#[actix_web::test]
async fn on_a_phone() {
    journey(TestApp::spawn(), Look::PHONE, "phone").await;
}

#[actix_web::test]
async fn in_the_dark_and_without_javascript() {
    let look = Look {
        javascript: false,
        dark: true,
        ..Look::DESKTOP
    };
    journey(TestApp::spawn(), look, "dark").await;
}

/// A link on another site leads to a question, and answering it signs out.
///
/// Logout (not in the standard)
#[actix_web::test]
async fn a_link_from_another_site_asks_before_it_signs_out() {
    let app = TestApp::spawn();
    let browser = Browser::start(Look::DESKTOP).await;
    sign_in(&browser, &app, "ada").await;
    // 127.0.0.1 is another site than localhost.
    let elsewhere = app.provider.issuer();
    browser.goto(&elsewhere).await;
    let click = format!(
        "(() => {{ const a = document.createElement('a'); a.href = '{}/logout'; a.id = 'leave'; \
         a.textContent = 'leave'; document.body.append(a); return true }})()",
        app.url
    );
    browser.evaluate(&click).await;
    browser.click("#leave").await;
    browser.wait_for("#logout-button").await;
    assert_eq!(browser.text("h1").await, "Do you want to sign out?");
    assert_eq!(app.storage().sessions(), 1);
    picture(&browser, "logout-question").await;
    browser.click("#logout-button").await;
    browser.wait_for("#login-button").await;
    assert_eq!(app.storage().sessions(), 0);
}

/// Keys as the WebDriver standard names them.
const TAB: char = '\u{E004}';
const ENTER: char = '\u{E007}';

/// A person can do all of it by keyboard alone.
#[actix_web::test]
async fn by_keyboard() {
    let app = TestApp::spawn();
    let browser = Browser::start(Look::DESKTOP).await;
    browser.goto(&app.url).await;
    let order = ["a.skip", "a.brand", "#login-button"];
    for expected in order {
        browser.press(TAB).await;
        let focused = format!("document.activeElement.matches('{expected}')");
        assert_eq!(browser.evaluate(&focused).await, true, "{expected}");
    }
    browser.press(ENTER).await;
    browser.wait_for("#person-ada").await;
}

/// The provider may start slowly: the page says so, and its button tries again.
#[actix_web::test]
async fn the_provider_is_away_and_comes_back() {
    let app = TestApp::spawn();
    let browser = Browser::start(Look::DESKTOP).await;
    app.provider.stop();
    browser.goto(&app.url).await;
    browser.click("#login-button").await;
    assert_eq!(
        browser.text("#error-title").await,
        "Your sign-in provider can't be reached"
    );
    picture(&browser, "provider-away").await;
    app.provider.restart().unwrap();
    app.clock.shift(time::Duration::seconds(60));
    browser.click("#error-action").await;
    browser.wait_for("#person-ada").await;
}
