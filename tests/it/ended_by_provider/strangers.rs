//! Strangers make Doorward ask for newer keys: sign-ins and the provider's own tokens must not suffer from that.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::{logout_claims, post, revocation_token, universal};
use crate::support::process::PATIENCE;
use crate::support::provider::{Canned, Endpoint, Keep};
use crate::support::raw::connect;
use crate::support::{Answer, Database, TestApp};

const REFUSED: &str =
    r#"{"error":"invalid_request","error_description":"This is not a valid logout token."}"#;
const AGAIN: &str = r#"{"error":"temporarily_unavailable"}"#;

/// A form with a token whose key nobody has.
fn made_up(kid: &str) -> String {
    use base64::Engine;
    let header = json!({"alg": "RS256", "kid": kid}).to_string();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
    format!("logout_token={header}.e30.c2ln")
}

/// A form with a logout token of Ada, signed with the provider's current key.
fn genuine(app: &TestApp) -> String {
    let claims = logout_claims(app, json!({"sub": "00uada"}));
    format!("logout_token={}", app.provider.sign_id_token(&claims))
}

/// A form with a genuine token of a new key, which the provider publishes half a second after it is asked.
fn of_a_key_that_comes_late(app: &TestApp) -> String {
    keys_come_after(app, Duration::from_millis(500));
    app.provider.rotate_keys(Keep::No);
    genuine(app)
}

fn keys_come_after(app: &TestApp, delay: Duration) {
    app.provider.faults(|faults| {
        faults.delay.insert(Endpoint::Keys, delay);
    });
}

fn keys_asked_for(app: &TestApp) -> usize {
    app.provider.request_count(Endpoint::Keys)
}

/// Waits until the provider has been asked for its keys so often.
pub async fn keys_are_asked_for(app: &TestApp, times: usize) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while keys_asked_for(app) < times {
        assert!(std::time::Instant::now() < deadline, "nobody asks for keys");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}

fn may_come_again(answer: &Answer, status: u16, secs: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (status, AGAIN));
    assert_eq!(answer.header("retry-after"), Some(secs), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("www-authenticate"), None);
}

/// In the minute after a stranger's, nobody can say whether newer keys would verify it.
#[actix_web::test]
async fn a_token_of_a_new_key_that_comes_right_after_a_strangers_may_come_again() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let before = keys_asked_for(&app);
    assert_eq!(post(&app, &made_up("a")).await.body, REFUSED);
    app.provider.rotate_keys(Keep::No);
    let form = genuine(&app);
    may_come_again(&post(&app, &form).await, 400, "60");
    app.clock.shift(time::Duration::milliseconds(20_500));
    let token = revocation_token(&app, json!({}));
    let body = json!({"sub_id": {"format": "email", "email": "ada@example.com"}}).to_string();
    may_come_again(&universal(&app, Some(&token), &body).await, 503, "40");
    assert!(ada.is_signed_in().await);
    assert_eq!(keys_asked_for(&app), before + 1);
    app.clock.shift(time::Duration::seconds(40));
    assert_eq!(post(&app, &form).await.status, 200);
    assert!(!ada.is_signed_in().await);
    assert_eq!(keys_asked_for(&app), before + 2);
    assert_eq!(universal(&app, Some(&token), &body).await.status, 204);
    let key =
        "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'logout_refused' AND reason = 'key'";
    assert_eq!(app.storage().number(key), 3);
}

/// A sign-in has brought them.
#[actix_web::test]
async fn it_is_accepted_as_soon_as_somebody_else_has_the_new_keys() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    assert_eq!(post(&app, &made_up("a")).await.body, REFUSED);
    app.provider.rotate_keys(Keep::No);
    let form = genuine(&app);
    may_come_again(&post(&app, &form).await, 400, "60");
    app.signed_in("grace").await;
    assert_eq!(post(&app, &form).await.status, 200);
    assert!(!ada.is_signed_in().await);
}

#[actix_web::test]
async fn tokens_of_unknown_keys_count_toward_the_limit() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("RATE_LIMIT", "5")]);
    for nth in 0..8 {
        let answer = post(&app, &made_up(&nth.to_string())).await;
        assert_eq!(answer.status, if nth < 5 { 400 } else { 429 }, "{nth}");
    }
}

/// The keys that a stranger's token brings are everybody's.
#[actix_web::test]
async fn a_token_of_a_new_key_waits_for_the_keys_that_a_stranger_has_asked_for() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let before = keys_asked_for(&app);
    let form = of_a_key_that_comes_late(&app);
    let later = async {
        keys_are_asked_for(&app, before + 1).await;
        post(&app, &form).await
    };
    let strangers = made_up("a");
    let (stranger, genuine) = tokio::join!(post(&app, &strangers), later);
    assert_eq!(stranger.body, REFUSED);
    assert_eq!(genuine.status, 200, "{genuine:?}");
    assert!(!ada.is_signed_in().await);
    assert_eq!(keys_asked_for(&app), before + 1);
}

/// Or a stranger could use up each minute's request.
#[actix_web::test]
async fn keys_that_a_stranger_asked_for_and_did_not_wait_for_count_all_the_same() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let before = keys_asked_for(&app);
    let form = of_a_key_that_comes_late(&app);
    let (mut stranger, strangers) = (connect(&app), made_up("a"));
    let request = format!(
        "POST /backchannel-logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{strangers}",
        strangers.len()
    );
    stranger.write_all(request.as_bytes()).unwrap();
    keys_are_asked_for(&app, before + 1).await;
    drop(stranger);
    let deadline = std::time::Instant::now() + PATIENCE;
    while post(&app, &form).await.status != 200 {
        assert!(std::time::Instant::now() < deadline, "the keys never came");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!ada.is_signed_in().await);
    assert_eq!(keys_asked_for(&app), before + 1);
}

/// The provider is away since before Doorward started.
#[actix_web::test]
async fn while_nothing_of_the_provider_is_known_strangers_cause_few_requests() {
    for endpoint in [Endpoint::Discovery, Endpoint::Keys] {
        let app = TestApp::spawn();
        app.provider.faults(|faults| {
            faults.canned.insert(endpoint, Canned::html(500, ""));
        });
        let before = app.provider.request_count(endpoint);
        let asked = || app.provider.request_count(endpoint) - before;
        for secs in [0, 5, 4] {
            app.clock.shift(time::Duration::seconds(secs));
            may_come_again(&post(&app, &made_up("a")).await, 400, "5");
            assert_eq!(asked(), 1, "{endpoint:?}");
        }
        app.clock.shift(time::Duration::SECOND);
        may_come_again(&post(&app, &made_up("a")).await, 400, "5");
        assert_eq!(asked(), 2, "{endpoint:?}");
        // Sign-ins go on asking, and with what they get the provider's own tokens are accepted.
        app.provider.heal();
        let ada = app.signed_in("ada").await;
        assert_eq!(post(&app, &genuine(&app)).await.status, 200);
        assert!(!ada.is_signed_in().await);
    }
}

mod slow {
    use std::time::Instant;

    use super::*;
    use crate::support::Visitor;

    fn keys_hang(app: &TestApp) {
        keys_come_after(app, Duration::from_secs(20));
    }

    /// Only the strangers wait, and as long as keys are known nobody else does.
    #[actix_web::test]
    async fn a_strangers_token_and_keys_that_hang_hold_up_no_other_request() {
        let app = TestApp::spawn();
        let ada = app.signed_in("ada").await;
        let before = keys_asked_for(&app);
        keys_hang(&app);
        let began = Instant::now();
        let kids = Vec::from_iter((0..20).map(|nth| made_up(&format!("made-up-{nth}"))));
        let strangers = futures_util::future::join_all(kids.iter().map(|form| post(&app, form)));
        let others = async {
            keys_are_asked_for(&app, before + 1).await;
            let asked = Instant::now();
            assert!(ada.is_signed_in().await);
            assert_eq!(
                post(&app, &genuine(&app)).await.status,
                200,
                "its key is known"
            );
            assert!(!ada.is_signed_in().await);
            for _ in 0..5 {
                let grace = app.visitor();
                assert_eq!(grace.sign_in("grace").await.location(), "/profile");
            }
            asked.elapsed()
        };
        let (strangers, others) = futures_util::future::join(strangers, others).await;
        println!(
            "the strangers waited for {:.1?}, the others for {others:.1?}",
            began.elapsed()
        );
        assert!(others < Duration::from_secs(5), "{others:?}");
        assert!(began.elapsed() < Duration::from_secs(16));
        assert!(strangers.iter().all(|it| it.status == 400), "{strangers:?}");
        assert_eq!(keys_asked_for(&app), before + 1);
        app.provider.heal();
    }

    /// It asks for them beside the stranger's request.
    #[actix_web::test]
    async fn a_sign_in_that_needs_newer_keys_does_not_wait_for_those_of_a_stranger() {
        let app = TestApp::spawn();
        app.signed_in("ada").await;
        let before = keys_asked_for(&app);
        keys_hang(&app);
        let form = made_up("a");
        let began = Instant::now();
        let others = async {
            keys_are_asked_for(&app, before + 1).await;
            app.provider.heal();
            app.provider.rotate_keys(Keep::No);
            let asked = Instant::now();
            let grace = app.visitor();
            assert_eq!(grace.sign_in("grace").await.location(), "/profile");
            assert_eq!(post(&app, &genuine(&app)).await.status, 200);
            asked.elapsed()
        };
        let stranger = Visitor::new(&app.url);
        let stranger = stranger.post("/backchannel-logout", &form);
        let (stranger, others) = futures_util::future::join(stranger, others).await;
        assert!(others < Duration::from_secs(5), "{others:?}");
        may_come_again(&stranger, 400, "5");
        assert!(began.elapsed() > Duration::from_secs(9), "it did not wait");
        assert_eq!(keys_asked_for(&app), before + 2);
        // The keys that came late do not replace the newer ones.
        assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
        assert_eq!(keys_asked_for(&app), before + 2);
    }
}
