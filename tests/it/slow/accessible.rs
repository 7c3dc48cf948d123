//! axe-core looks at every page that we serve, as people see it: in the light and in the dark, on a phone and at a desk.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use serde_json::json;

use crate::gateway::support::{Browser as AtApps, Gateway, RULES};
use crate::support::app::FORM_POST;
use crate::support::browser::{Browser, Look};
use crate::support::process::PATIENCE;
use crate::support::provider_faults::edit_claims;
use crate::support::{Database, TestApp};

/// axe-core itself, as `scripts/axe` has fetched it.
fn axe() -> String {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(target)
        .join("axe/axe.min.js");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}: please run scripts/axe", path.display()))
}

/// What is wrong in the page, and where; each with its remedy. Colors that are still changing are none that people read.
const FAULTS: &str = "Promise.all((getComputedStyle(document.body).color, document.getAnimations()).map(it => it.finished)) \
     .then(() => axe.run(document, { resultTypes: ['violations'] })).then(found => found.violations.flatMap(it => \
     it.nodes.map(node => `${it.id}: ${node.target}: ${node.failureSummary}`)))";

struct Looking {
    browser: Browser,
    axe: String,
    seen: Vec<String>,
    faults: Vec<String>,
}

impl Looking {
    async fn start() -> Looking {
        let browser = Browser::start(Look::DESKTOP).await;
        let axe = format!("(() => {{ {}; return true }})()", axe());
        let (seen, faults) = Default::default();
        Looking {
            browser,
            axe,
            seen,
            faults,
        }
    }

    async fn goto(&mut self, url: &str, heading: &str) {
        self.browser.goto(url).await;
        self.look(heading).await;
    }

    /// At the page that has this heading.
    async fn look(&mut self, heading: &str) {
        let browser = &self.browser;
        // A click returns before the next page is there.
        let began = Instant::now();
        let mut seen = browser.text("h1").await;
        while seen != heading && began.elapsed() < PATIENCE {
            sleep(Duration::from_millis(20)).await;
            seen = browser.text("h1").await;
        }
        if seen != heading {
            self.faults.push(format!("not {heading:?}, but {seen:?}"));
        }
        // The driver's scripts are not subject to the page's policy.
        browser.evaluate(&self.axe).await;
        for (size, name) in [(Look::PHONE, "phone"), (Look::DESKTOP, "desk")] {
            for dark in [false, true] {
                browser.look_as(Look { dark, ..size }).await;
                let found = browser.evaluate(FAULTS).await;
                for fault in found.as_array().expect("axe answers a list") {
                    let fault = fault.as_str().unwrap();
                    let fault = format!("{heading} ({name}, dark: {dark}): {fault}");
                    eprintln!("{fault}");
                    self.faults.push(fault);
                }
                self.picture(&format!("axe-{}-{name}-{dark}", self.seen.len()))
                    .await;
            }
        }
        self.seen.push(heading.to_owned());
    }

    /// Where `SCREENSHOTS` says, pictures of the pages are kept, to be looked at.
    async fn picture(&self, name: &str) {
        if let Ok(folder) = std::env::var("SCREENSHOTS") {
            let path = Path::new(&folder).join(format!("{name}.png"));
            self.browser.screenshot(&path).await;
        }
    }

    fn ends(self) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n\n"));
    }
}

#[actix_web::test]
async fn axe_finds_no_fault_in_any_page() {
    let on = [("OIDC_FRONTCHANNEL_LOGOUT", "true")];
    let gateway = Gateway::start_with(Database::Sqlite, RULES, &on);
    let app = &gateway.app;
    let at = |path: &str| format!("{}{path}", app.url);
    let mut looking = Looking::start().await;

    looking.goto(&app.url, "Welcome. Please sign in.").await;
    looking.goto(&at("/nowhere"), "Page not found").await;
    looking.browser.goto(&at("/login")).await;
    looking.browser.click("#cancel").await;
    looking.look("You were not let in").await;
    looking
        .goto(
            &at("/login?iss=https://other.example"),
            "We can't sign you in there",
        )
        .await;
    let page = at("/frontchannel-logout?sid=unknown");
    looking.goto(&page, "You are signed out.").await;

    looking.browser.goto(&at("/profile")).await;
    looking.browser.click("#person-ada").await;
    looking.look("Ada Lovelace").await;
    looking.goto(&app.url, "Hello, Ada Lovelace").await;
    for _ in 0..2 {
        app.signed_in("ada").await;
    }
    looking.goto(&at("/sessions"), "Your sessions").await;
    looking
        .goto(&at("/logout"), "Do you want to sign out?")
        .await;
    let metrics = AtApps::new(&gateway).open("http://metrics.test/").await;
    looking
        .goto(metrics.location(), "You may not open this")
        .await;

    // What a step-up can lead to. The provider knows nobody, so it asks.
    app.provider.forget_sessions();
    edit_claims(app, |claims| {
        claims.as_object_mut().unwrap().remove("auth_time");
    });
    looking.browser.goto(&at("/step-up")).await;
    looking.browser.click("#person-ada").await;
    looking.look("A stronger sign-in is needed").await;
    app.provider.heal();
    app.provider.forget_sessions();
    looking.browser.goto(&at("/step-up")).await;
    looking.browser.click("#person-grace").await;
    looking.look("That is somebody else").await;

    let app = TestApp::spawn_with(Database::Sqlite, &FORM_POST);
    app.provider.stop();
    looking
        .goto(
            &format!("{}/login", app.url),
            "Your sign-in provider can't be reached",
        )
        .await;
    app.provider.restart().unwrap();
    app.clock.shift(time::Duration::seconds(60));
    // What is too long for a cookie, and what is too long for an address.
    app.provider.faults(|faults| {
        faults.code_padding = 2900;
        faults.edit_claims = Some(Box::new(|claims| {
            claims["groups"] = json!("g".repeat(5000))
        }));
    });
    looking.browser.goto(&format!("{}/login", app.url)).await;
    looking.browser.click("#person-ada").await;
    looking.look("One more step").await;
    looking.browser.click("#continue-button").await;
    looking.browser.click("#logout-button").await;
    looking.look("You are signed out here").await;

    assert_eq!(looking.seen.len(), 15, "{:?}", looking.seen);
    looking.ends();
}
