//! Each answer counts in the round in which the provider was asked, and is kept until the database takes it.

use std::time::Duration;

use actix_web::rt::time::sleep;
use diesel::connection::SimpleConnection;
use doorward::db::AnyConnection;
use futures_util::future::join;
use serde_json::json;

use super::{Another, RECHECK, pass, refreshes, start, until};
use crate::on_both;
use crate::support::provider::{Canned, Endpoint, Gate};
use crate::support::provider_faults::answer_with;
use crate::support::rows::{events_because, session};
use crate::support::{Database, TestApp};

/// The app, in which a process sees late what another one did.
fn with_cache(database: Database) -> TestApp {
    let variables = [RECHECK[0], RECHECK[1], RECHECK[2], ("SESSION_CACHE", "60s")];
    TestApp::spawn_with(database, &variables)
}

on_both! {
    async fn a_process_that_has_not_seen_the_answer_does_not_ask_again(database: Database) {
        let app = with_cache(database);
        let ada = app.signed_in("ada").await;
        app.storage().execute("UPDATE sessions SET recheck_at = '2020-01-01 00:00:00'");
        // This page asks nobody, but the process has the session in its memory now.
        assert_eq!(ada.get("/logout").await.status, 200);
        let another = Another::start(&app, &ada);
        assert!(another.there.is_signed_in().await);
        until("concluded", || session(&app).recheck_round == 1).await;
        for _ in 0..3 {
            assert!(ada.is_signed_in().await);
        }
        assert_eq!((refreshes(&app.provider), session(&app).recheck_round), (1, 1));
    }

    async fn what_is_cached_is_read_again_after_each_answer(database: Database) {
        let app = with_cache(database);
        let ada = app.signed_in("ada").await;
        for round in 1..=3 {
            pass(&app);
            assert!(ada.is_signed_in().await);
            until("concluded", || session(&app).recheck_round == round).await;
        }
        assert_eq!(refreshes(&app.provider), 3);
    }

    /// The claim was over, and another request has asked since.
    async fn an_answer_of_an_earlier_round_ends_nothing_and_changes_nothing(database: Database) {
        let welcome = json!({"access_token": "a", "token_type": "Bearer", "refresh_token": "late"});
        let refusal = json!({"error": "invalid_grant"});
        for answer in [Canned::json(400, &refusal), Canned::json(200, &welcome)] {
            let app = start(database);
            let ada = app.signed_in("ada").await;
            let gate = Gate::closed();
            answer_with(&app, Endpoint::Token, answer.behind(&gate));
            pass(&app);
            let later = async {
                until("asked", || refreshes(&app.provider) == 1).await;
                app.provider.heal();
                app.clock.shift(time::Duration::seconds(31));
                assert!(ada.is_signed_in().await);
                assert_eq!(session(&app).recheck_round, 1);
                gate.open();
            };
            let (_, ()) = join(ada.is_signed_in(), later).await;
            sleep(Duration::from_millis(300)).await;
            assert_eq!(session(&app).recheck_round, 1);
            assert_eq!(events_because(&app, "session_revoked", "provider"), 0);
            // Many providers would revoke the token of the later round, too.
            assert_eq!(app.provider.request_count(Endpoint::Revoke), 0);
            app.storage().execute("UPDATE sessions SET recheck_at = '2020-01-01 00:00:00'");
            assert!(ada.is_signed_in().await);
            assert_eq!((refreshes(&app.provider), app.provider.live_refresh_tokens()), (3, 1));
        }
    }

    /// Even if it is newer than that of the sign-in.
    async fn a_refreshed_id_token_older_than_the_last_one_ends_the_session(database: Database) {
        for (keeps, skips) in [(false, false), (true, false), (false, true)] {
            let app = start(database);
            let ada = app.signed_in("ada").await;
            let now = app.clock.now().unix_timestamp();
            let issued_at = |secs: i64| {
                app.provider.faults(|faults| {
                    faults.keep_refresh_token = keeps;
                    faults.edit_refreshed_claims = Some(Box::new(move |claims| claims["iat"] = (now + secs).into()));
                });
            };
            issued_at(800);
            pass(&app);
            assert!(ada.is_signed_in().await);
            if skips {
                app.provider.faults(|faults| faults.no_refreshed_id_token = true);
                pass(&app);
                assert!(ada.is_signed_in().await);
                app.provider.faults(|faults| faults.no_refreshed_id_token = false);
            }
            issued_at(700);
            app.provider.faults(|faults| faults.clock_ahead_secs = 1000);
            pass(&app);
            assert!(!ada.is_signed_in().await, "keeps {keeps}, skips {skips}");
            assert_eq!(events_because(&app, "session_revoked", "refresh_refused"), 1);
        }
    }
}

/// Commits when somebody waits for it.
async fn commit(app: &TestApp, mut writing: AnyConnection) {
    let waits = "SELECT COUNT(*) AS n FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("waiting", || app.storage().number(waits) > 0).await;
    writing.batch_execute("COMMIT").unwrap();
}

/// The request has read the row before the provider's answer was written, and finds it sealed with the previous key.
#[actix_web::test]
async fn a_row_that_is_sealed_again_keeps_what_the_provider_has_answered_meanwhile() {
    let mut app = start(Database::Postgres);
    let ada = app.signed_in("ada").await;
    let key = app.variables["SESSION_KEY"].clone();
    let next = key
        .chars()
        .rev()
        .filter(|it| *it != '=')
        .collect::<String>()
        + "==";
    app.variables.insert("SESSION_KEY".to_owned(), next);
    app.variables.insert("SESSION_KEY_PREVIOUS".to_owned(), key);
    let another = Another::start(&app, &ada);
    let mut writing = app.storage().connect();
    writing
        .batch_execute("BEGIN; UPDATE sessions SET state = 'newer', recheck_round = 1")
        .unwrap();
    let (is_in, ()) = join(another.there.is_signed_in(), commit(&app, writing)).await;
    assert!(is_in);
    assert_eq!(session(&app).state, "newer");
}

/// The provider, or a step-up, has just given it another end.
#[actix_web::test]
async fn a_session_that_gets_another_end_while_it_expires_goes_on() {
    let app = start(Database::Postgres);
    let ada = app.signed_in("ada").await;
    let over = "UPDATE sessions SET ends_at = CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP) - INTERVAL '1 minute'";
    app.storage().execute(over);
    let mut writing = app.storage().connect();
    writing
        .batch_execute("BEGIN; UPDATE sessions SET ends_at = '2100-01-01', recheck_round = 1")
        .unwrap();
    let (is_in, ()) = join(ada.is_signed_in(), commit(&app, writing)).await;
    assert!(is_in);
    assert_eq!(app.storage().sessions(), 1);
}

/// The provider has said no: the page is not shown, whatever the database can do.
#[actix_web::test]
async fn whoever_is_not_welcome_is_out_even_if_that_can_not_be_recorded() {
    let app = start(Database::Sqlite);
    let ada = app.signed_in("ada").await;
    app.provider.remove_person("ada");
    app.storage()
        .execute("ALTER TABLE audit_events RENAME TO away");
    pass(&app);
    assert!(!ada.is_signed_in().await);
    assert_eq!(app.storage().sessions(), 1);
    app.storage()
        .execute("ALTER TABLE away RENAME TO audit_events");
    app.clock.shift(time::Duration::minutes(1));
    assert!(!ada.is_signed_in().await);
    assert_eq!(app.storage().sessions(), 0);
}

mod slow {
    use super::*;

    /// Otherwise the provider would see the old token again, and end the session.
    #[actix_web::test]
    async fn a_new_refresh_token_is_written_when_the_database_takes_it() {
        let app = start(Database::Sqlite);
        let ada = app.signed_in("ada").await;
        let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF recheck_round ON sessions \
             BEGIN SELECT RAISE(ABORT, 'not now'); END";
        app.storage().execute(refuse);
        pass(&app);
        assert!(ada.is_signed_in().await);
        assert_eq!(
            (refreshes(&app.provider), session(&app).recheck_round),
            (1, 0)
        );
        app.storage().execute("DROP TRIGGER refuse");
        until("written", || session(&app).recheck_round == 1).await;
        pass(&app);
        assert!(ada.is_signed_in().await);
        assert_eq!(app.provider.live_refresh_tokens(), 1);
    }
}
