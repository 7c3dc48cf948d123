//! The provider says in the ID token when its session ends (`session_expiry`, IPSIE SL1): then ours ends too.

use serde_json::{Value, json};
use time::Duration;

use crate::on_both;
use crate::support::provider_faults::edit_claims;
use crate::support::{Database, TestApp, Visitor, log};

/// Seconds since 1970 by the app's clock.
fn now(app: &TestApp) -> i64 {
    app.clock.now().unix_timestamp()
}

fn session_expiry(app: &TestApp, value: impl Into<Value>) {
    let value = value.into();
    edit_claims(app, move |claims| {
        claims["session_expiry"] = value.clone();
    });
}

/// Ada, with a session at the provider that ends at this time.
async fn signed_in_until(app: &TestApp, ends_at: i64) -> Visitor {
    session_expiry(app, ends_at);
    let ada = app.signed_in("ada").await;
    app.provider.heal();
    ada
}

/// The events with a reason, oldest first: `event reason`.
fn reasons(app: &TestApp) -> Vec<String> {
    let query = "SELECT event || ' ' || reason AS what FROM audit_events WHERE reason IS NOT NULL ORDER BY id";
    app.storage().texts(query)
}

async fn step_up(ada: &Visitor) -> crate::support::Answer {
    let provider = ada.begin("/step-up").await;
    let callback = ada.choose(&provider, "ada").await;
    ada.get(&callback).await
}

on_both! {
    /// IPSIE 3.2.2 (o)
    async fn a_session_ends_when_the_providers_does(app: TestApp) {
        let ada = signed_in_until(&app, now(&app) + 600).await;
        let grace = app.signed_in("grace").await;
        app.clock.shift(Duration::seconds(590));
        assert!(ada.is_signed_in().await);
        // It is in the memory of this process.
        app.clock.shift(Duration::seconds(10));
        assert!(!ada.is_signed_in().await);
        assert!(grace.is_signed_in().await);
        assert_eq!(reasons(&app), ["session_expired provider_session_over"]);
        assert_eq!(app.storage().sessions(), 1);
    }

    async fn the_idle_timeout_ends_a_session_that_lasts_longer_at_the_provider(app: TestApp) {
        let ada = signed_in_until(&app, now(&app) + 3 * 86_400).await;
        app.clock.shift(Duration::hours(8));
        assert!(!ada.is_signed_in().await);
        assert_eq!(reasons(&app), ["session_expired idle_timeout"]);
    }

    async fn a_step_up_brings_another_end(app: TestApp) {
        let ada = signed_in_until(&app, now(&app) + 600).await;
        session_expiry(&app, now(&app) + 1200);
        assert_eq!(step_up(&ada).await.location(), "/profile");
        app.provider.heal();
        app.clock.shift(Duration::seconds(900));
        assert!(ada.is_signed_in().await, "the later end counts");
        app.clock.shift(Duration::seconds(-900));
        // One that says none takes none away.
        assert_eq!(step_up(&ada).await.location(), "/profile");
        session_expiry(&app, now(&app) + 300);
        app.clock.shift(Duration::seconds(1200));
        assert!(!ada.is_signed_in().await);
        assert_eq!(reasons(&app), ["session_expired provider_session_over"]);
    }
}

/// IPSIE 3.2.2 (o)
#[actix_web::test]
async fn a_session_that_is_over_before_it_begins_is_refused() {
    let app = TestApp::spawn();
    for ago in [0, 1, 86_400] {
        session_expiry(&app, now(&app) - ago);
        let visitor = app.visitor();
        let page = visitor.sign_in("ada").await;
        let sentence = "Your sign-in provider says that your session with it has ended.";
        assert_eq!(page.refusal(), (403, sentence.to_owned()), "{ago}");
        let title = page.text("error-title");
        assert_eq!(title.as_deref(), Some("Your session there is over"));
        let line = log::error_of(&page);
        assert!(line.contains("its session_expiry is past"), "{line}");
        assert!(!visitor.is_signed_in().await);
    }
    assert_eq!(reasons(&app), ["sign_in_failed session_over"; 3]);
    assert_eq!((app.storage().sessions(), app.storage().users()), (0, 0));
}

/// IPSIE 3.2.2 (o)
#[actix_web::test]
async fn milliseconds_are_refused_not_believed() {
    let app = TestApp::spawn();
    let in_an_hour = now(&app) + 3600;
    let wrong = [
        json!(in_an_hour * 1000),
        json!(100_000_000_001_u64),
        json!(in_an_hour.to_string()),
        json!(null),
        json!([in_an_hour]),
        json!(-1),
    ];
    for wrong in &wrong {
        session_expiry(&app, wrong.clone());
        let page = app.visitor().sign_in("ada").await;
        assert_eq!(page.refusal().0, 403, "{wrong}");
        let line = log::error_of(&page);
        assert!(line.contains("session_expiry"), "{line}");
        assert!(line.contains("seconds since 1970"), "{line}");
    }
    assert_eq!(reasons(&app), ["sign_in_failed id_token_malformed"; 6]);
    session_expiry(&app, in_an_hour as f64 + 0.5);
    assert!(app.signed_in("ada").await.is_signed_in().await);
}

/// `doorward purge` and the housekeeping look at both ends.
#[actix_web::test]
async fn purging_looks_at_the_providers_end() {
    use crate::support::process::{DOORWARD, Process};

    let app = TestApp::spawn_on(Database::Sqlite);
    signed_in_until(&app, now(&app) + 600).await;
    app.signed_in("grace").await;
    app.storage()
        .execute("UPDATE sessions SET ends_at = created_at WHERE ends_at IS NOT NULL");
    let purge = |arguments: &[&str]| {
        let variables: Vec<_> = app
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let arguments = [&["purge"], arguments].concat();
        let (code, printed) = Process::start(DOORWARD, &arguments, &variables).ends();
        assert_eq!(code, Some(0), "{printed}");
        printed
    };
    let shown = purge(&[]);
    assert!(shown.contains("Expired: 1 of 2 sessions"), "{shown}");
    let deleted = purge(&["--yes"]);
    assert!(deleted.contains("Deleted: 1 sessions"), "{deleted}");
    assert_eq!(reasons(&app), ["session_expired provider_session_over"]);
}
