//! A person watches their session end, in Chromium, from each of the six sides that can end it: their next click leads to
//! sign-in, and Back does not show their profile.

use serde_json::json;

use crate::ended_by_provider::{revocation_token, revoked, universal};
use crate::on_both;
use crate::support::browser::{Browser, Look};
use crate::support::process::{DOORWARD, Process};
use crate::support::provider::{Canned, Endpoint};
use crate::support::{Database, TestApp, Visitor};

/// Ada, who looks at her profile in a tab.
struct Watching {
    app: TestApp,
    browser: Browser,
}

impl Watching {
    async fn start(app: TestApp) -> Watching {
        let browser = Browser::start(Look::DESKTOP).await;
        browser.goto(&format!("{}/profile", app.url)).await;
        let watching = Watching { app, browser };
        watching.signs_in().await;
        watching
    }

    /// At the provider's page, which leads to the profile.
    async fn signs_in(&self) {
        self.browser.click("#person-ada").await;
        self.browser.wait_for("#claim-subject").await;
    }

    /// A second tab, in which she signs out at the provider.
    async fn signs_out_at_the_provider(&self) {
        self.browser.new_tab().await;
        self.browser.goto(&self.app.provider.issuer()).await;
        self.browser.click("#sign-out").await;
        let is_there = |url: &url::Url| url.path() == "/end_session";
        self.browser.wait_for_url(is_there).await;
        assert_eq!(self.browser.title().await, "You are signed out");
    }

    /// The tab has changed nothing yet. Her next click leads to the provider, and so does Back.
    async fn is_out(&self, side: &str) {
        let (app, browser) = (&self.app, &self.browser);
        browser.switch_tab(0).await;
        assert!(browser.exists("#claim-subject").await, "{side}");
        // Else the provider would sign her in again, without a question.
        app.provider.forget_sessions();
        let sign_in = format!("{}/authorize?", app.provider.issuer());
        browser.click("#sessions-link").await;
        browser.wait_for("#person-ada, #this-session").await;
        let after_click = browser.url().await;
        assert!(
            after_click.as_str().starts_with(&sign_in),
            "{side}: {after_click}"
        );
        browser.back().await;
        browser.wait_for_url(|url| *url != after_click).await;
        browser.wait_for("#person-ada, #claim-subject").await;
        let after_back = browser.url().await;
        assert!(
            after_back.as_str().starts_with(&sign_in),
            "{side}: {after_back}"
        );
        assert!(!browser.exists("#claim-subject").await, "{side}");
    }
}

/// The id of the session in the first row that has a button to end it.
async fn id_of_another(visitor: &Visitor) -> String {
    let page = visitor.get("/sessions").await.body;
    let (_, id) = page
        .split_once("name=\"session\" value=\"")
        .expect("there is one");
    id.split('"').next().unwrap().to_owned()
}

on_both! {
    async fn signing_out_in_another_tab_ends_it(app: TestApp) {
        let ada = Watching::start(app).await;
        ada.browser.new_tab().await;
        ada.browser.goto(&ada.app.url).await;
        ada.browser.click("#logout-button").await;
        ada.browser.wait_for("#login-button").await;
        ada.is_out("sign-out").await;
    }

    async fn the_page_of_sessions_in_another_browser_ends_it(app: TestApp) {
        let ada = Watching::start(app).await;
        for act in ["end", "end-others", "end-all"] {
            let elsewhere = ada.app.signed_in("ada").await;
            let form = match act {
                "end" => format!("session={}", id_of_another(&elsewhere).await),
                _ => String::new(),
            };
            let answer = elsewhere.post(&format!("/sessions/{act}"), &form).await;
            assert_eq!(answer.status, 303, "{act}: {answer:?}");
            assert_eq!(elsewhere.is_signed_in().await, act != "end-all");
            ada.app.clock.shift(time::Duration::SECOND);
            ada.is_out(act).await;
            ada.signs_in().await;
        }
    }

    async fn a_command_of_the_administrator_ends_it(app: TestApp) {
        let ada = Watching::start(app).await;
        for act in [&["sessions", "revoke", "--user"][..], &["users", "block", "--"]] {
            let variables = [("DATABASE_URL", ada.app.storage().url.as_str()), ("SESSION_CACHE", "2s")];
            let arguments = [act, &["ada@example.com"]].concat();
            let (code, printed) = Process::start(DOORWARD, &arguments, &variables).ends();
            assert_eq!(code, Some(0), "{act:?}: {printed}");
            ada.is_out(&act.join(" ")).await;
            if act[0] == "sessions" {
                ada.signs_in().await;
            }
        }
        // Whoever is blocked does not come in again.
        ada.browser.click("#person-ada").await;
        ada.browser.wait_for("#error-title").await;
    }

    /// The provider tells us behind the browser's back.
    async fn back_channel_logout_ends_it(app: TestApp) {
        app.provider.register_backchannel_logout(&format!("{}/backchannel-logout", app.url));
        let ada = Watching::start(app).await;
        ada.signs_out_at_the_provider().await;
        assert_eq!(revoked(&ada.app), ["00uada back_channel"]);
        ada.is_out("back-channel logout").await;
    }

    async fn universal_logout_ends_it(app: TestApp) {
        let ada = Watching::start(app).await;
        let token = revocation_token(&ada.app, json!({}));
        let who = json!({"format": "iss_sub", "iss": ada.app.provider.issuer(), "sub": "00uada"});
        let answer = universal(&ada.app, Some(&token), &json!({"sub_id": who}).to_string()).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(revoked(&ada.app), ["00uada universal_logout"]);
        ada.is_out("Universal Logout").await;
    }
}

on_both! {
    /// The provider is another site, so no cookie of ours gets into its frame: Chromium shows our page in it all the same, and
    /// the session ends.
    async fn a_frame_at_the_provider_ends_it(database: Database) {
        let app = TestApp::spawn_with(database, &[("OIDC_FRONTCHANNEL_LOGOUT", "true")]);
        app.provider.register_frontchannel_logout(&format!("{}/frontchannel-logout", app.url));
        let ada = Watching::start(app).await;
        ada.signs_out_at_the_provider().await;
        assert_eq!(ada.browser.text_in_frame(0, "h1").await, "You are signed out.");
        assert_eq!(revoked(&ada.app), ["00uada front_channel"]);
        ada.is_out("front-channel logout").await;
        assert_eq!(ada.browser.console_errors().await, [""; 0]);
    }
}

/// Chromium itself keeps other pages of ours, and pages of others, from framing: a test of the header alone does not show that
/// the header is one that a browser understands.
#[actix_web::test]
async fn chromium_frames_that_one_page_alone_and_at_the_provider_alone() {
    const PAGES: [&str; 6] = [
        "/frontchannel-logout?sid=unknown",
        "/",
        "/profile",
        "/sessions",
        "/logout",
        "/no-such-page",
    ];
    let on = [("OIDC_FRONTCHANNEL_LOGOUT", "true")];
    let ada = Watching::start(TestApp::spawn_with(Database::Sqlite, &on)).await;
    let (app, browser) = (&ada.app, &ada.browser);
    let frames = PAGES.map(|page| format!("<iframe src=\"{}{page}\"></iframe>", app.url));
    let html = format!("<!doctype html><title>Frames</title>{}", frames.concat());
    app.provider.faults(|faults| {
        let page = Canned::new(200, "text/html", html);
        faults.canned.insert(Endpoint::Userinfo, page);
    });
    let rejected = async || {
        let errors = browser.console_errors().await;
        let rejected = errors.iter().filter(|it| it.contains("frame-ancestors"));
        rejected.count()
    };
    let at_the_provider = format!("{}/userinfo", app.provider.issuer());
    // The same page has another origin by this name.
    let elsewhere = at_the_provider.replace("127.0.0.1", "localhost");
    for (page, expected) in [
        (&at_the_provider, PAGES.len() - 1),
        (&elsewhere, 2 * PAGES.len() - 1),
    ] {
        browser.goto(page).await;
        if *page == at_the_provider {
            let text = browser.text_in_frame(0, "h1").await;
            assert_eq!(text, "You are signed out.");
        }
        assert_eq!(
            rejected().await,
            expected,
            "{:?}",
            browser.console_errors().await
        );
    }
    assert_eq!(app.storage().sessions(), 1);
}
