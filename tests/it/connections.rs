//! Providers that keep connections as they please, and speak other HTTP than the newest servers do.

use std::net::{Ipv4Addr, TcpListener};

use crate::support::provider::Endpoint;
use crate::support::relay::{Manner, Relay};
use crate::support::{Database, TestApp, log};
use crate::tls::moves_to;

/// The number of sign-ins.
const SIGN_INS: usize = 50;

const UNUSABLE: &str = "It signed you in, but then sent us no response that we can use.";

/// The app, and its provider behind a relay.
pub fn behind_relay(manner: Manner, variables: &[(&str, &str)]) -> (TestApp, Relay) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let issuer = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let variables = [variables, &[("OIDC_ISSUER", &issuer)]].concat();
    let app = TestApp::spawn_with(Database::Sqlite, &variables);
    moves_to(&app.provider, &issuer);
    let relay = Relay::start(listener, manner, app.provider.port());
    (app, relay)
}

async fn sign_in_many_times(app: &TestApp, manner: Manner) {
    for nth in 0..SIGN_INS {
        let answer = app.visitor().sign_in("ada").await;
        if answer.header("location") != Some("/profile") {
            let lines = log::errors_of(&answer);
            panic!("{manner:?}, {nth}: {} {lines:?}", answer.status);
        }
    }
}

async fn every_sign_in_succeeds(manner: Manner) -> (TestApp, Relay) {
    let (app, relay) = behind_relay(manner, &[]);
    sign_in_many_times(&app, manner).await;
    // Nothing was asked twice.
    for endpoint in [Endpoint::Token, Endpoint::Userinfo] {
        assert_eq!(app.provider.request_count(endpoint), SIGN_INS, "{manner:?}");
    }
    (app, relay)
}

#[actix_web::test]
async fn a_provider_that_speaks_http_1_0_lets_everybody_in() {
    for manner in [
        Manner::Http10,
        Manner::Http10WithoutLength,
        Manner::Http10Deaf,
    ] {
        every_sign_in_succeeds(manner).await;
    }
}

#[actix_web::test]
async fn a_body_that_ends_with_the_connection_is_read() {
    every_sign_in_succeeds(Manner::CloseWithoutLength).await;
}

#[actix_web::test]
async fn interim_answers_are_read_past() {
    every_sign_in_succeeds(Manner::EarlyHints).await;
}

/// As many as there are worker threads, and one of each for what is asked at the same time.
#[actix_web::test]
async fn connections_that_the_provider_keeps_are_used_again() {
    let workers = std::thread::available_parallelism().unwrap().get();
    for manner in [Manner::Kept, Manner::Http10Kept] {
        let (_app, relay) = every_sign_in_succeeds(manner).await;
        assert!(
            relay.connections() <= 2 * workers,
            "{manner:?}: {}",
            relay.connections()
        );
    }
}

#[actix_web::test]
async fn an_answer_that_breaks_off_is_refused_and_not_asked_for_again() {
    for manner in [Manner::CutBody, Manner::CutChunks] {
        let (app, relay) = behind_relay(Manner::Kept, &[]);
        // Connections that were used before are there.
        sign_in_many_times(&app, Manner::Kept).await;
        app.provider.forget_requests();
        let visitor = app.visitor();
        let callback = visitor.callback_for("ada").await;
        relay.behaves(manner);
        let answer = visitor.get(&callback).await;
        assert_eq!(answer.refusal(), (502, UNUSABLE.to_owned()), "{manner:?}");
        let lines = log::errors_of(&answer);
        let cause = "token: the provider's response can't be read: the connection was closed in the \
                     middle of it";
        assert!(lines[0].contains(cause), "{manner:?}: {lines:?}");
        assert_eq!(app.provider.request_count(Endpoint::Token), 1, "{manner:?}");
        assert_eq!(app.provider.request_count(Endpoint::Userinfo), 0);
    }
}

#[actix_web::test]
async fn a_fresh_connection_that_is_closed_without_an_answer_is_not_tried_again() {
    let (app, relay) = behind_relay(Manner::Http10, &[]);
    app.visitor().sign_in("ada").await;
    let visitor = app.visitor();
    let callback = visitor.callback_for("ada").await;
    let before = relay.connections();
    relay.behaves(Manner::NoAnswer);
    let answer = visitor.get(&callback).await;
    assert_eq!(answer.refusal(), (502, UNUSABLE.to_owned()));
    assert_eq!(relay.connections(), before + 1);
}

/// Once, however many kept connections there are.
#[actix_web::test]
async fn after_a_kept_connection_a_fresh_one_is_tried_once() {
    let (app, relay) = behind_relay(Manner::Kept, &[]);
    sign_in_many_times(&app, Manner::Kept).await;
    let visitor = app.visitor();
    let callback = visitor.callback_for("ada").await;
    let before = relay.connections();
    relay.behaves(Manner::NoAnswer);
    let answer = visitor.get(&callback).await;
    assert_eq!(answer.refusal(), (502, UNUSABLE.to_owned()));
    let cause = "token: the provider can't be reached: the connection was closed before a response";
    let lines = log::errors_of(&answer);
    assert!(lines[0].contains(cause), "{lines:?}");
    assert_eq!(relay.connections(), before + 1);
}

#[actix_web::test]
async fn what_comes_after_an_answer_is_not_the_next_answer() {
    every_sign_in_succeeds(Manner::Surplus).await;
}

#[actix_web::test]
async fn a_head_without_end_is_no_answer() {
    for (manner, cause) in [
        (Manner::EndlessHints, "too many interim responses"),
        (Manner::HugeHead, "too many headers"),
    ] {
        let (app, relay) = behind_relay(Manner::Kept, &[]);
        sign_in_many_times(&app, Manner::Kept).await;
        let visitor = app.visitor();
        let callback = visitor.callback_for("ada").await;
        app.provider.forget_requests();
        relay.behaves(manner);
        let answer = visitor.get(&callback).await;
        assert_eq!(answer.refusal(), (502, UNUSABLE.to_owned()), "{manner:?}");
        let lines = log::errors_of(&answer);
        assert!(lines[0].contains(cause), "{manner:?}: {lines:?}");
        assert_eq!(app.provider.request_count(Endpoint::Token), 1, "{manner:?}");
    }
}

#[actix_web::test]
async fn every_request_says_who_asks() {
    let (app, relay) = behind_relay(Manner::Kept, &[]);
    app.visitor().sign_in("ada").await;
    let heads = relay.heads();
    assert_eq!(heads.len(), 4, "{heads:?}");
    let agent = concat!("user-agent: doorward/", env!("CARGO_PKG_VERSION"));
    for head in heads {
        let mut lines = head.lines().map(str::to_ascii_lowercase);
        assert!(lines.any(|line| line == agent), "{head}");
    }
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn a_connection_that_is_closed_silently_fails_no_sign_in() {
        for manner in [
            Manner::SilentClose,
            Manner::SilentCloseLater,
            Manner::SilentCloseWhenAsked,
        ] {
            every_sign_in_succeeds(manner).await;
        }
    }
}
