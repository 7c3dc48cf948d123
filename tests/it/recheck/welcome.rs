//! The person is still welcome, or nobody says that they are not.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use time::macros::format_description;

use super::{Another, RECHECK, pass, refreshes, start, until, until_out};
use crate::on_both;
use crate::support::provider::{Canned, Endpoint};
use crate::support::provider_faults::{answer_with, edit_claims};
use crate::support::rows::{events, events_because, session};
use crate::support::{Database, TestApp};

on_both! {
    /// Core 12.1
    /// RFC 6749 6
    /// RFC 6749 10.4
    async fn the_provider_is_asked_when_its_word_is_too_old(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        assert!(ada.is_signed_in().await);
        assert_eq!(refreshes(&app.provider), 0);
        let before = session(&app);
        for round in 1..=3 {
            pass(&app);
            assert!(ada.is_signed_in().await);
            assert!(ada.is_signed_in().await);
            assert_eq!(refreshes(&app.provider), usize::try_from(round).unwrap());
            assert_eq!(session(&app).recheck_round, round);
        }
        for refresh in app.provider.requests(Endpoint::Token).iter().skip(1) {
            let token = refresh.form.get("refresh_token").unwrap();
            assert!(!session(&app).state.contains(token));
            assert!(refresh.header("authorization").is_some_and(|it| it.starts_with("Basic ")));
        }
        // The new refresh token is kept, and the session is the same.
        assert_ne!(session(&app).state, before.state);
        assert_eq!(session(&app).key_hash, before.key_hash);
        assert_eq!(app.provider.live_refresh_tokens(), 1);
    }

    /// One is in this process, the other one is a process of its own.
    async fn two_processes_ask_once(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        let Another { process, there, .. } = Another::start(&app, &ada);
        assert!(there.is_signed_in().await, "{}", process.printed());
        for round in 1..=3 {
            // Due for both at the same moment, and all of these requests find it so.
            app.provider.faults(|faults| {
                faults.delay.insert(Endpoint::Token, Duration::from_millis(300));
            });
            app.storage().execute("UPDATE sessions SET recheck_at = '2020-01-01 00:00:00'");
            let requests = (0..8).map(|at| if at % 2 == 0 { &ada } else { &there });
            for signed_in in join_all(requests.map(|it| it.is_signed_in())).await {
                assert!(signed_in);
            }
            until("concluded", || session(&app).recheck_round == round).await;
            assert_eq!(refreshes(&app.provider), usize::try_from(round).unwrap());
        }
        assert_eq!(app.provider.live_refresh_tokens(), 1);
    }

    async fn no_new_refresh_token_keeps_the_old_one(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        app.provider.faults(|faults| {
            faults.keep_refresh_token = true;
            faults.no_refreshed_id_token = true;
        });
        let before = session(&app);
        for round in 1..=3 {
            pass(&app);
            assert!(ada.is_signed_in().await);
            assert_eq!(session(&app).recheck_round, round);
        }
        assert_eq!(session(&app).state, before.state);
        assert_eq!(refreshes(&app.provider), 3);
    }

    /// The state is written, for the time of the new ID token.
    async fn a_new_id_token_without_a_new_refresh_token_keeps_the_old_one(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        app.provider.faults(|faults| faults.keep_refresh_token = true);
        let before = session(&app);
        for round in 1..=3 {
            pass(&app);
            assert!(ada.is_signed_in().await);
            until("concluded", || session(&app).recheck_round == round).await;
        }
        assert_ne!(session(&app).state, before.state);
        assert_eq!(refreshes(&app.provider), 3);
    }

    async fn a_provider_that_is_down_signs_nobody_out_within_the_grace(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        // Away for hours: the grace begins when the provider does not answer.
        app.clock.shift(time::Duration::hours(5));
        answer_with(&app, Endpoint::Token, Canned::html(503, "away"));
        for nth in 1..=3 {
            assert!(ada.is_signed_in().await);
            assert!(ada.is_signed_in().await);
            assert_eq!(refreshes(&app.provider), nth, "it is asked once a minute");
            app.clock.shift(time::Duration::minutes(2));
        }
        // It is back.
        app.provider.heal();
        app.provider.faults(|faults| faults.clock_ahead_secs = 5 * 3600);
        assert!(ada.is_signed_in().await);
        assert_eq!(refreshes(&app.provider), 4);
        pass(&app);
        // Faults of ours are not the person's either.
        for canned in [
            Canned::json(401, &serde_json::json!({"error": "invalid_client"})),
            Canned::json(429, &serde_json::json!({"error": "invalid_grant"})),
            Canned::reset(),
        ] {
            answer_with(&app, Endpoint::Token, canned);
            app.clock.shift(time::Duration::minutes(2));
            assert!(ada.is_signed_in().await);
        }
        app.clock.shift(time::Duration::hours(1));
        assert!(!ada.is_signed_in().await);
        assert_eq!(app.storage().sessions(), 0);
        assert_eq!(events_because(&app, "session_expired", "recheck_overdue"), 1);
    }

    async fn a_refresh_is_no_step_up(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        let since = "SELECT COUNT(*) AS n FROM sessions WHERE created_at = (SELECT MAX(created_at) FROM users)";
        app.provider.faults(|faults| {
            faults.edit_refreshed_claims = Some(Box::new(|claims| claims["acr"] = "phr".into()));
        });
        pass(&app);
        assert!(ada.is_signed_in().await);
        assert_eq!(session(&app).recheck_round, 1);
        // It lasts no longer: it began when it began.
        assert_eq!(app.storage().number(since), 1);
        assert_eq!(events(&app, "step_up"), 0);
        app.clock.shift(time::Duration::days(8));
        let asked = refreshes(&app.provider);
        assert!(!ada.is_signed_in().await);
        assert_eq!(refreshes(&app.provider), asked);
    }

    /// IPSIE 3.2.2 (o)
    async fn a_refresh_does_not_lengthen_the_providers_session(database: Database) {
        let app = start(database);
        let at = app.clock.now().unix_timestamp();
        edit_claims(&app, move |claims| claims["session_expiry"] = (at + 1200).into());
        let ada = app.signed_in("ada").await;
        app.provider.faults(|faults| {
            faults.edit_refreshed_claims = Some(Box::new(move |claims| {
                claims["session_expiry"] = (at + 90_000).into();
            }));
        });
        pass(&app);
        assert!(ada.is_signed_in().await);
        assert_eq!(session(&app).recheck_round, 1);
        app.clock.shift(time::Duration::minutes(5));
        assert!(!ada.is_signed_in().await);
        assert_eq!(events_because(&app, "session_expired", "provider_session_over"), 1);
    }

    /// Where the claim comes it counts: also if the sign-in's ID token had none.
    async fn a_refresh_shortens_the_providers_session(database: Database) {
        for at_first in [Some(7200), None] {
            let app = start(database);
            let at = app.clock.now().unix_timestamp();
            if let Some(secs) = at_first {
                edit_claims(&app, move |claims| claims["session_expiry"] = (at + secs).into());
            }
            let ada = app.signed_in("ada").await;
            app.provider.faults(|faults| {
                faults.edit_refreshed_claims = Some(Box::new(move |claims| {
                    claims["session_expiry"] = (at + 1200).into();
                }));
            });
            pass(&app);
            assert!(ada.is_signed_in().await);
            app.clock.shift(time::Duration::minutes(5));
            assert!(!ada.is_signed_in().await, "{at_first:?}");
            assert_eq!(events_because(&app, "session_expired", "provider_session_over"), 1);
        }
    }

    /// The provider says so as of a minute ago: the very page that asked is not shown.
    async fn a_provider_whose_session_is_over_already_is_believed_at_once(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        let at = app.clock.now().unix_timestamp() + 15 * 60;
        app.provider.faults(|faults| {
            faults.edit_refreshed_claims = Some(Box::new(move |claims| claims["session_expiry"] = at.into()));
        });
        pass(&app);
        until_out(&ada).await;
        assert_eq!(app.storage().sessions(), 0);
        assert_eq!(events_because(&app, "session_expired", "provider_session_over"), 1);
        assert_eq!(events(&app, "session_revoked"), 0);
    }

    /// The setting was longer when it was last asked, or the clock was ahead.
    async fn a_time_that_is_too_far_ahead_is_now(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        let ahead = |minutes| {
            let at = app.clock.now() + time::Duration::minutes(minutes);
            // The hour with two digits, or SQLite's is no time before ten o'clock.
            let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
            let at = at.format(form).unwrap();
            app.storage().execute(&format!("UPDATE sessions SET recheck_at = '{at}'"));
        };
        ahead(14);
        assert!(ada.is_signed_in().await);
        assert_eq!(refreshes(&app.provider), 0);
        ahead(24 * 60);
        assert!(ada.is_signed_in().await);
        until("asked", || session(&app).recheck_round == 1).await;
        assert!(ada.is_signed_in().await);
        assert_eq!(refreshes(&app.provider), 1);
    }

    /// A step-up's word is a new one.
    async fn a_step_up_counts_as_asking(database: Database) {
        let app = start(database);
        let ada = app.signed_in("ada").await;
        app.clock.shift(time::Duration::minutes(10));
        app.provider.faults(|faults| faults.clock_ahead_secs = 600);
        let provider = ada.begin("/step-up?return_to=/profile").await;
        let callback = ada.choose(&provider, "ada").await;
        assert_eq!(ada.get(&callback).await.location(), "/profile");
        app.clock.shift(time::Duration::minutes(10));
        assert!(ada.is_signed_in().await);
        assert_eq!(refreshes(&app.provider), 0);
        app.clock.shift(time::Duration::minutes(6));
        assert!(ada.is_signed_in().await);
        assert_eq!(refreshes(&app.provider), 1);
    }
}

#[actix_web::test]
async fn without_the_setting_nobody_is_asked_and_no_refresh_token_is_kept() {
    let settings = [RECHECK[2], RECHECK[3]];
    let app = TestApp::spawn_with(Database::Sqlite, &settings);
    let ada = app.signed_in("ada").await;
    app.clock.shift(time::Duration::hours(5));
    assert!(ada.is_signed_in().await);
    assert_eq!(refreshes(&app.provider), 0);
    assert_eq!(ada.post("/logout", "").await.status, 303);
    assert_eq!(app.provider.request_count(Endpoint::Revoke), 0);
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn a_provider_that_hangs_holds_no_page_up_and_its_answer_counts() {
        let app = start(Database::Sqlite);
        let ada = app.signed_in("ada").await;
        app.provider.faults(|faults| {
            faults.delay.insert(Endpoint::Token, Duration::from_secs(8));
        });
        pass(&app);
        let began = Instant::now();
        assert!(ada.is_signed_in().await);
        assert!(began.elapsed() < Duration::from_secs(6));
        // Others do not wait at all: each would for two seconds.
        let began = Instant::now();
        for _ in 0..3 {
            assert!(ada.is_signed_in().await);
        }
        assert!(began.elapsed() < Duration::from_secs(5));
        until("concluded", || session(&app).recheck_round == 1).await;
        assert_eq!(refreshes(&app.provider), 1);
    }
}
