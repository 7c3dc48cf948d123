//! The provider does not say whether the person is still welcome, or in an odd way.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use time::Duration as Span;

use super::{Another, RECHECK, due, pass, refreshes, start, until, until_out};
use crate::connections::behind_relay;
use crate::on_both;
use crate::support::provider::{Canned, Endpoint, Keep};
use crate::support::provider_faults::answer_with;
use crate::support::relay::Manner;
use crate::support::rows::{events_because, session};
use crate::support::{Database, TestApp, Visitor};

fn busy(retry_after: &str) -> Canned {
    let mut busy = Canned::html(429, "busy");
    let header = ("Retry-After".to_owned(), retry_after.to_owned());
    busy.headers.push(header);
    busy
}

/// Ada's session, about which the provider says this.
async fn told(database: Database, canned: Canned) -> (TestApp, Visitor) {
    let app = start(database);
    let ada = app.signed_in("ada").await;
    answer_with(&app, Endpoint::Token, canned);
    pass(&app);
    assert!(ada.is_signed_in().await);
    assert_eq!(refreshes(&app.provider), 1);
    (app, ada)
}

/// How often the provider has been asked after this time.
async fn asked_after(app: &TestApp, ada: &Visitor, seconds: i64) -> usize {
    app.clock.shift(Span::seconds(seconds));
    assert!(ada.is_signed_in().await);
    refreshes(&app.provider)
}

on_both! {
    async fn a_provider_that_wants_time_is_asked_when_it_is_over(database: Database) {
        let (app, ada) = told(database, busy("300")).await;
        assert_eq!(asked_after(&app, &ada, 290).await, 1);
        assert_eq!(asked_after(&app, &ada, 11).await, 2);
        // It would be asked more often than once a minute.
        answer_with(&app, Endpoint::Token, busy("1"));
        assert_eq!(asked_after(&app, &ada, 301).await, 3);
        assert_eq!(asked_after(&app, &ada, 55).await, 3);
        assert_eq!(asked_after(&app, &ada, 6).await, 4);
        // It is well again, and the token is still the same.
        app.provider.heal();
        app.provider.faults(|faults| faults.clock_ahead_secs = 1700);
        assert_eq!(asked_after(&app, &ada, 61).await, 5);
        assert_eq!(asked_after(&app, &ada, 800).await, 5);
        assert_eq!(session(&app).recheck_round, 5);
    }

    async fn a_provider_that_wants_more_time_than_the_grace_is_asked_at_its_end(database: Database) {
        let (app, ada) = told(database, busy("86400")).await;
        assert_eq!(asked_after(&app, &ada, 3590).await, 1);
        app.clock.shift(Span::seconds(11));
        assert!(!ada.is_signed_in().await);
        assert_eq!(refreshes(&app.provider), 2);
        assert_eq!(events_because(&app, "session_expired", "recheck_overdue"), 1);
    }

    /// Its wish counts for an hour at most, which may be longer than the grace.
    async fn a_grace_that_is_shorter_than_the_provider_wants_is_not_lengthened(database: Database) {
        let settings = [RECHECK[0], ("SESSION_RECHECK_GRACE", "10m"), RECHECK[2], RECHECK[3]];
        let app = TestApp::spawn_with(database, &settings);
        let ada = app.signed_in("ada").await;
        answer_with(&app, Endpoint::Token, busy("3600"));
        pass(&app);
        assert!(ada.is_signed_in().await);
        assert_eq!(asked_after(&app, &ada, 590).await, 1);
        app.clock.shift(Span::seconds(11));
        until_out(&ada).await;
        assert_eq!(refreshes(&app.provider), 2);
        assert_eq!(events_because(&app, "session_expired", "recheck_overdue"), 1);
    }

    /// The provider has replaced the refresh token, but its ID token can't be verified: its keys are away.
    async fn a_new_refresh_token_is_kept_though_nothing_else_can_be_said(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        app.provider.rotate_keys(Keep::No);
        answer_with(&app, Endpoint::Keys, Canned::html(503, "away"));
        pass(&app);
        assert!(ada.is_signed_in().await);
        assert_eq!(session(&app).recheck_round, 1);
        app.provider.heal();
        app.provider.faults(|faults| faults.clock_ahead_secs = 1100);
        app.clock.shift(Span::minutes(2));
        assert!(ada.is_signed_in().await, "reuse was detected");
        assert_eq!((refreshes(&app.provider), session(&app).recheck_round), (2, 2));
        assert_eq!(app.provider.live_refresh_tokens(), 1);
    }
}

/// What is wrong with us is not the person's fault.
#[actix_web::test]
async fn only_invalid_grant_ends_a_session() {
    let json = |status, error: &str| Canned::json(status, &serde_json::json!({ "error": error }));
    for (canned, is_in) in [
        (json(400, "invalid_grant"), false),
        (json(401, "invalid_client"), true),
        (json(400, "invalid_client"), true),
        (json(400, "unauthorized_client"), true),
        (json(400, "invalid_request"), true),
        (json(400, "unsupported_grant_type"), true),
        (json(400, "invalid_scope"), true),
        (json(400, "INVALID_GRANT"), true),
        (json(403, "access_denied"), true),
        (json(500, "invalid_grant"), true),
        (json(503, "invalid_grant"), true),
        (json(429, "invalid_grant"), true),
        (json(200, "invalid_grant"), true),
        (Canned::html(400, "invalid_grant"), true),
        (Canned::html(404, "gone"), true),
        (Canned::html(302, ""), true),
        (Canned::json(200, &serde_json::json!([])), true),
        (
            Canned::json(200, &serde_json::json!({"access_token": "a"})),
            true,
        ),
        (Canned::reset(), true),
    ] {
        let app = start(Database::Sqlite);
        let ada = app.signed_in("ada").await;
        answer_with(&app, Endpoint::Token, canned.clone());
        pass(&app);
        assert_eq!(ada.is_signed_in().await, is_in, "{canned:?}");
        assert_eq!(app.storage().sessions(), i64::from(is_in), "{canned:?}");
        let ended = events_because(&app, "session_revoked", "provider");
        assert_eq!(ended, i64::from(!is_in), "{canned:?}");
    }
}

/// At a process of its own, since such a line comes once a minute.
#[actix_web::test]
async fn the_log_says_that_the_provider_does_not_say_and_what_comes_of_it() {
    let app = start(Database::Sqlite);
    let ada = app.signed_in("ada").await;
    let another = Another::start(&app, &ada);
    answer_with(&app, Endpoint::Token, Canned::html(503, "away"));
    due(&app);
    assert!(another.there.is_signed_in().await);
    let printed = another.process.says("SESSION_RECHECK_GRACE");
    let mut lines = printed.lines();
    let line = lines.find(|line| line.contains("SESSION_RECHECK_GRACE"));
    assert!(line.is_some_and(|line| line.contains("503")), "{printed}");
}

#[actix_web::test]
async fn a_provider_that_speaks_http_1_0_is_understood() {
    for manner in [
        Manner::Http10,
        Manner::Http10WithoutLength,
        Manner::Http10Deaf,
    ] {
        let (app, _relay) = behind_relay(manner, &RECHECK);
        let ada = app.signed_in("ada").await;
        for round in 1..=2 {
            pass(&app);
            assert!(ada.is_signed_in().await, "{manner:?}");
            assert_eq!(session(&app).recheck_round, round, "{manner:?}");
        }
        assert_eq!(ada.post("/logout", "").await.status, 303);
        until("revoked", || app.provider.live_refresh_tokens() == 0).await;
    }
}

/// The provider answers, and the answer is cut off or has no end. It keeps its refresh tokens.
#[actix_web::test]
async fn an_answer_that_can_not_be_read_ends_nothing_and_is_asked_for_again() {
    for manner in [
        Manner::CutBody,
        Manner::CutChunks,
        Manner::NoAnswer,
        Manner::EndlessHints,
        Manner::HugeHead,
    ] {
        let (app, relay) = behind_relay(Manner::Kept, &RECHECK);
        let ada = app.signed_in("ada").await;
        app.provider
            .faults(|faults| faults.keep_refresh_token = true);
        relay.behaves(manner);
        pass(&app);
        assert!(ada.is_signed_in().await, "{manner:?}");
        until("given up", || session(&app).recheck_round == 1).await;
        relay.behaves(Manner::Kept);
        app.provider.faults(|faults| faults.clock_ahead_secs = 1000);
        app.clock.shift(Span::minutes(2));
        let before = refreshes(&app.provider);
        assert!(ada.is_signed_in().await, "{manner:?}");
        until("asked again", || refreshes(&app.provider) == before + 1).await;
        until("welcome", || session(&app).recheck_round == 2).await;
        assert!(ada.is_signed_in().await, "{manner:?}");
    }
}

/// The provider sends two answers to one question. The second one is not that to the next question, about somebody else.
#[actix_web::test]
async fn an_answer_that_nobody_asked_for_welcomes_nobody() {
    let (app, relay) = behind_relay(Manner::Kept, &RECHECK);
    let ada = app.signed_in("ada").await;
    let mut removed = Vec::new();
    for _ in 0..4 {
        removed.push(app.signed_in("grace").await);
    }
    app.provider.remove_person("grace");
    relay.behaves(Manner::Surplus);
    for grace in &removed {
        due(&app);
        assert!(ada.is_signed_in().await);
        until_out(grace).await;
    }
    assert_eq!(events_because(&app, "session_revoked", "provider"), 4);
}

mod slow {
    use super::*;

    /// As if its process were frozen: connections are accepted, and nothing comes.
    #[actix_web::test]
    async fn a_provider_that_never_answers_is_given_up_and_asked_again() {
        let app = start(Database::Sqlite);
        let ada = app.signed_in("ada").await;
        app.provider.stop();
        let frozen = TcpListener::bind(("127.0.0.1", app.provider.port())).unwrap();
        pass(&app);
        let began = Instant::now();
        assert!(ada.is_signed_in().await);
        assert!(began.elapsed() < Duration::from_secs(6));
        until("given up", || session(&app).recheck_round == 1).await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(15), "{took:?}");
        drop(frozen);
        app.provider.restart().unwrap();
        app.provider.faults(|faults| faults.clock_ahead_secs = 1000);
        app.clock.shift(Span::minutes(2));
        assert!(ada.is_signed_in().await);
        until("asked", || refreshes(&app.provider) == 1).await;
        until("concluded", || session(&app).recheck_round == 2).await;
    }
}
