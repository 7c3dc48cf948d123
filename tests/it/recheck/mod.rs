//! The provider is asked again about people who are signed in, and gets their refresh tokens back when they sign out.

mod at_apps;
mod ended;
mod not_welcome;
mod races;
mod replaced;
mod revocation;
mod rounds;
mod stopping;
mod unanswered;
mod welcome;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;

use crate::support::process::{Process, free_addr};
use crate::support::provider::{Endpoint, Provider};
use crate::support::{Database, TestApp, Visitor};

const RECHECK: [(&str, &str); 4] = [
    ("SESSION_RECHECK", "15m"),
    ("SESSION_RECHECK_GRACE", "1h"),
    ("OIDC_SCOPES", "openid profile email offline_access"),
    // What another process did is seen at once.
    ("SESSION_CACHE", "0"),
];

/// The app with `SESSION_RECHECK`.
fn start(database: Database) -> TestApp {
    TestApp::spawn_with(database, &RECHECK)
}

/// So much time passes that the provider's word is too old.
fn pass(app: &TestApp) {
    app.clock.shift(time::Duration::minutes(16));
}

/// Every session is due.
fn due(app: &TestApp) {
    let due =
        "UPDATE sessions SET recheck_at = '2020-01-01 00:00:00', recheck_claimed_until = NULL";
    app.storage().execute(due);
}

/// How often the provider was asked with a refresh token.
fn refreshes(provider: &Provider) -> usize {
    let requests = provider.requests(Endpoint::Token);
    let grants = requests.iter().map(|it| it.form.get("grant_type"));
    grants.filter(|it| *it == Some("refresh_token")).count()
}

/// Waits until it is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "not {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until this visitor is signed out. The first request says so, unless the answer takes longer than a request waits: on a
/// busy machine.
async fn until_out(visitor: &Visitor) {
    let began = Instant::now();
    if !visitor.is_signed_in().await {
        return;
    }
    assert!(began.elapsed() >= Duration::from_secs(2), "it did not wait");
    while visitor.is_signed_in().await {
        assert!(began.elapsed() < Duration::from_secs(20), "not out");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Another process of the app, and the browser of this visitor there.
struct Another {
    addr: SocketAddr,
    process: Process,
    there: Visitor,
}

impl Another {
    fn start(app: &TestApp, visitor: &Visitor) -> Another {
        let addr = free_addr();
        let variables = app.variables.iter();
        let variables: Vec<_> = variables
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut process = Process::doorward(addr, &variables);
        process.answers(addr);
        let there = Visitor::new(&format!("http://{addr}")).for_site(&app.variables["PUBLIC_URL"]);
        let another = Another {
            addr,
            process,
            there,
        };
        another.show(visitor);
        another
    }

    /// The process is asked to stop, and has ended when this returns. Its browser has closed its connection.
    fn stop(self) {
        let Another {
            mut process, there, ..
        } = self;
        drop(there);
        process.signal("TERM");
        let (code, printed) = process.ends();
        assert_eq!(code, Some(0), "{printed}");
        assert!(!printed.contains("SHUTDOWN_TIMEOUT"), "{printed}");
    }

    /// The browser is that of this visitor now.
    fn show(&self, visitor: &Visitor) {
        let cookie = &visitor.app_cookies()["doorward"];
        self.there.set_app_cookie("doorward", cookie);
    }
}
