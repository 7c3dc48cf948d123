//! In Chromium, and with very many sessions.

use super::{endings, page, rows};
use crate::on_both;
use crate::support::browser::{Browser, Look};
use crate::support::{Database, TestApp};

/// Keys as the WebDriver standard names them.
const TAB: char = '\u{E004}';
const ENTER: char = '\u{E007}';

/// Sixty times as many as end in one transaction.
const MANY: i64 = 30_000;

on_both! {
    async fn whoever_has_very_many_sessions_sees_some_and_ends_all(app: TestApp) {
        let ada = app.signed_in("ada").await;
        app.storage().execute(&format!(
            "INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at) \
             WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) \
             SELECT 'hash-' || i, id, 'sealed', created_at, created_at FROM n, users"
        ));
        // That takes longer than an idle connection is kept.
        let ada = ada.reconnected();
        let seen = page(&ada).await;
        assert_eq!(rows(&seen), 100);
        assert!(seen.has("this-session"), "this one is there");
        let said = seen.text("has-more").unwrap();
        assert!(said.starts_with("You have more sessions than this page shows."), "{said}");
        let ended = ada.post("/sessions/end-others", "").await;
        assert_eq!(ended.location(), "/sessions");
        assert_eq!(app.storage().sessions(), 1);
        let events = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'session_revoked'";
        assert_eq!(app.storage().number(events), MANY - 1);
        assert!(ada.is_signed_in().await);
    }
}

/// Where `SCREENSHOTS` says, pictures of the pages are kept, to be looked at.
async fn picture(browser: &Browser, name: &str) {
    if let Ok(folder) = std::env::var("SCREENSHOTS") {
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        browser.screenshot(&path).await;
    }
}

async fn sign_in(browser: &Browser, app: &TestApp) {
    browser.goto(&app.url).await;
    browser.click("#login-button").await;
    browser.click("#person-ada").await;
    browser.wait_for("#claim-subject").await;
}

/// Ada, in Chromium and in two other browsers; one of them has a long address.
async fn with_others(look: Look) -> (TestApp, Browser) {
    let app = TestApp::spawn_on(Database::Sqlite);
    super::signed_in_as(&app, "ada", super::FIREFOX).await;
    super::signed_in_as(&app, "ada", "curl/8.14.1").await;
    app.storage().execute(
        "UPDATE sessions SET address = '2001:db8:1234:5678:9abc:def0:1234:5678' \
         WHERE user_agent = 'curl/8.14.1'",
    );
    let browser = Browser::start(look).await;
    sign_in(&browser, &app).await;
    browser.click("#sessions-link").await;
    browser.wait_for("#this-session").await;
    (app, browser)
}

async fn number(browser: &Browser, expression: &str) -> f64 {
    browser.evaluate(expression).await.as_f64().unwrap()
}

async fn looks_right(look: Look, name: &str) {
    let (app, browser) = with_others(look).await;
    assert_eq!(browser.title().await, "Your sessions – Doorward");
    picture(&browser, &format!("{name}-sessions")).await;
    let wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(browser.evaluate(wider).await, false, "it scrolls sideways");
    // What a finger meets is large enough, and each button says what it ends.
    let small = "[...document.querySelectorAll('main button')].filter(it => it.getBoundingClientRect().height < 44).length";
    assert_eq!(number(&browser, small).await, 0.0);
    let labels = "[...document.querySelectorAll('.sessions button')].map(it => it.ariaLabel)";
    let labels = browser.evaluate(labels).await;
    let labels: Vec<&str> = labels
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert_eq!(labels.len(), 3);
    assert_eq!(labels[0], "Sign out of this browser");
    for (label, visible) in labels[1..].iter().zip(["End ", "End "]) {
        assert!(label.starts_with(visible), "{label}");
    }
    assert_ne!(labels[1], labels[2]);

    browser
        .click(".sessions tbody tr:nth-child(2) button")
        .await;
    browser
        .wait_for(".sessions tbody tr:nth-child(2):last-child")
        .await;
    assert_eq!(app.storage().sessions(), 2);
    browser.click("#end-others").await;
    browser.wait_for("#this-session:last-child").await;
    assert!(!browser.exists("#end-others").await);
    picture(&browser, &format!("{name}-sessions-one")).await;
    browser.click("#end-all").await;
    browser.wait_for("#login-button").await;
    assert_eq!(
        endings(&app),
        [
            "session_revoked 00uada person",
            "session_revoked 00uada person",
            "sign_out 00uada "
        ]
    );
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[actix_web::test]
async fn on_a_phone() {
    looks_right(Look::PHONE, "phone").await;
}

#[actix_web::test]
async fn on_a_phone_in_the_dark() {
    let look = Look {
        dark: true,
        ..Look::PHONE
    };
    looks_right(look, "phone-dark").await;
}

#[actix_web::test]
async fn at_a_desk_in_the_dark() {
    let look = Look {
        dark: true,
        ..Look::DESKTOP
    };
    looks_right(look, "dark").await;
}

#[actix_web::test]
async fn without_javascript() {
    let look = Look {
        javascript: false,
        ..Look::DESKTOP
    };
    looks_right(look, "desk").await;
}

/// By keyboard alone, row by row.
#[actix_web::test]
async fn by_keyboard() {
    let (app, browser) = with_others(Look::DESKTOP).await;
    let order = [
        "a.skip",
        "a.brand",
        "#logout-button",
        "tbody tr:nth-child(2) button",
        "tbody tr:nth-child(3) button",
        "#end-others",
        "#end-all",
    ];
    for expected in order {
        browser.press(TAB).await;
        let focused = format!("document.activeElement.matches('{expected}')");
        assert_eq!(browser.evaluate(&focused).await, true, "{expected}");
    }
    browser.reload().await;
    for _ in 0..order.len() - 1 {
        browser.press(TAB).await;
    }
    browser.press(ENTER).await;
    browser.wait_for("#this-session:last-child").await;
    assert_eq!(app.storage().sessions(), 1);
}

/// A phone shows each row as a block: it is still a table to whoever can't see it.
#[actix_web::test]
async fn a_row_that_is_a_block_is_still_a_row() {
    let (_app, browser) = with_others(Look::PHONE).await;
    let roles = "[...document.querySelectorAll('.sessions, .sessions *')].filter(it => it.matches('table, thead, tbody, tr, th, td') \
                 && !it.hasAttribute('role')).length";
    assert_eq!(number(&browser, roles).await, 0.0);
    let display = "getComputedStyle(document.querySelector('.sessions tr')).display";
    assert_eq!(browser.evaluate(display).await, "block");
    let header = "document.querySelector('.sessions thead').getBoundingClientRect().width";
    assert!(number(&browser, header).await <= 1.0, "it is not seen");
}
