//! An attempt to sign in is used once: in one process, in several, by codes one after the other or all at once.

use diesel::prelude::*;
use futures_util::future::join_all;

use crate::on_both;
use crate::support::app::Storage;
use crate::support::postgres::OwnPostgres;
use crate::support::process::{Process, free_addr, provider_for};
use crate::support::provider::{Endpoint, demo_people};
use crate::support::{Database, TestApp, Visitor, log};

on_both! {
    /// RFC 9700 4.2.4 (c)
    async fn one_cookie_and_three_codes_are_one_session(app: TestApp) {
        let ada = app.visitor();
        let authorization_request = ada.begin("/login").await;
        let kept = ada.attempts();
        let mut callbacks = Vec::new();
        for _ in 0..3 {
            callbacks.push(ada.choose(&authorization_request, "ada").await);
        }
        for (at, callback) in callbacks.iter().enumerate() {
            // Whoever has copied the cookie sends it again, and no other.
            let again = app.visitor();
            for (name, value) in &kept {
                again.set_app_cookie(name, value);
            }
            let answer = again.get(callback).await;
            let restarted = format!("{}/authorize?", app.provider.issuer());
            match at {
                0 => assert_eq!(answer.location(), "/profile"),
                _ => assert!(answer.location().starts_with(&restarted), "{}", answer.location()),
            }
        }
        assert_eq!(app.storage().sessions(), 1);
        assert_eq!(app.provider.request_count(Endpoint::Token), 1);
    }

    async fn of_290_callbacks_at_once_one_asks_for_a_token(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        let answers = join_all((0..290).map(|_| ada.get(&callback))).await;
        let in_by_it = answers.iter().filter(|answer| answer.location() == "/profile");
        assert_eq!(in_by_it.count(), 1);
        assert!(answers.iter().all(|answer| answer.status == 303));
        assert_eq!(app.provider.request_count(Endpoint::Token), 1);
        assert_eq!(app.storage().sessions(), 1);
    }

    /// A signed-in person whose browser sends it again continues.
    async fn a_used_attempt_is_no_dead_end(app: TestApp) {
        let ada = app.visitor();
        let callback = ada.callback_for("ada").await;
        let kept = ada.attempts();
        let restore = || kept.iter().for_each(|(name, value)| ada.set_app_cookie(name, value));
        assert_eq!(ada.get(&callback).await.location(), "/profile");
        restore();
        assert_eq!(ada.get(&callback).await.location(), "/profile");
        assert_eq!(app.provider.request_count(Endpoint::Token), 1);
        let reason = "SELECT COUNT(*) AS n FROM audit_events WHERE reason = 'attempt_used'";
        assert_eq!(app.storage().number(reason), 0);
    }
}

on_both! {
    async fn where_the_tries_are_used_up_the_page_says_what_happened(app: TestApp) {
        let ada = app.visitor();
        let mut callback = ada.callback_for("ada").await;
        for tries in ["%7E1", "%7E2"] {
            for (name, _) in ada.attempts() {
                ada.set_app_cookie(&name, "");
            }
            let restarted = ada.get(&callback).await;
            assert!(restarted.location().contains(&format!("{tries}&")), "{}", restarted.location());
            callback = ada.get(restarted.location()).await.location().to_owned();
        }
        let again = app.visitor();
        for (name, value) in ada.attempts() {
            again.set_app_cookie(&name, &value);
        }
        assert_eq!(ada.get(&callback).await.location(), "/profile");
        let refused = again.get(&callback).await;
        let sentence = "A sign-in at your provider works only once.";
        assert_eq!(refused.refusal(), (403, sentence.to_owned()));
        assert_eq!(refused.text("error-next").as_deref(), Some("Please sign in again."));
        let reason = "SELECT COUNT(*) AS n FROM audit_events WHERE reason = 'attempt_used'";
        assert_eq!((app.storage().sessions(), app.storage().number(reason)), (1, 1));
    }
}

on_both! {
    /// RFC 9700 4.2.4 (c)
    async fn an_attempt_is_used_once_whichever_process_gets_the_answer(database: Database) {
        let storage = Storage::new(database);
        let addrs = [free_addr(), free_addr()];
        let url = format!("http://{}", addrs[0]);
        let provider = provider_for(&url, demo_people());
        let issuer = provider.issuer();
        let doorwards = addrs.map(|addr| {
            let variables = [
                ("OIDC_ISSUER", issuer.as_str()),
                ("PUBLIC_URL", &url),
                ("DATABASE_URL", &storage.url),
            ];
            let doorward = Process::doorward(addr, &variables);
            doorward.says("listening at");
            doorward
        });
        let ada = Visitor::new(&url);
        let authorization_request = ada.begin("/login").await;
        let callbacks = [
            ada.choose(&authorization_request, "ada").await,
            ada.choose(&authorization_request, "ada").await,
        ];
        let other = Visitor::new(&format!("http://{}", addrs[1])).for_site(&url);
        for (name, value) in ada.attempts() {
            other.set_app_cookie(&name, &value);
        }
        let elsewhere = callbacks[1].replace(&url, &format!("http://{}", addrs[1]));
        let first = ada.get(&callbacks[0]).await;
        assert_eq!(first.location(), "/profile", "{}", first.body);
        let second = other.get(&elsewhere).await;
        assert!(second.location().starts_with(&issuer), "{}", second.location());
        assert_eq!(storage.sessions(), 1);
        drop(doorwards);
    }
}

/// An error in the log of a database may page an administrator at night.
#[actix_web::test]
async fn on_postgres_the_try_of_somebody_blocked_is_no_error() {
    let postgres = OwnPostgres::start();
    let url = postgres.url();
    let app = TestApp::spawn_with(Database::Sqlite, &[("DATABASE_URL", &url)]);
    app.visitor().sign_in("ada").await;
    let mut connection = PgConnection::establish(&url).unwrap();
    let block = diesel::sql_query("UPDATE users SET blocked_at = now()");
    block.execute(&mut connection).unwrap();
    let before = postgres.log();
    assert_eq!(app.visitor().sign_in("ada").await.status, 403);
    let logged = postgres.log();
    assert!(!logged[before.len()..].contains("ERROR"), "{logged}");
}

/// A COMMIT that fails: a row refers to nothing, which SQLite looks at last.
const FAIL_AT_COMMIT: &str = "CREATE TABLE whole (id INTEGER PRIMARY KEY);
    CREATE TABLE part (id INTEGER REFERENCES whole (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER fail AFTER INSERT ON audit_events BEGIN INSERT INTO part VALUES (7); END;";

#[actix_web::test]
async fn on_sqlite_what_was_not_committed_is_not_in_the_log() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("SESSION_IDLE_TIMEOUT", "1h")]);
    let grace = app.visitor();
    grace.sign_in("grace").await;
    app.storage().execute(FAIL_AT_COMMIT);
    let audited = |id: &str| log::lines_with(&format!("doorward::audit [{id}]"));

    let ada = app.visitor();
    let answer = ada.sign_in("ada").await;
    assert_eq!(answer.status, 503);
    let id = answer.header("x-request-id").unwrap();
    let lines = audited(id);
    assert!(
        lines.iter().all(|line| line.contains("sign_in_failed")),
        "{lines:?}"
    );

    app.clock.shift(time::Duration::hours(2));
    let answer = grace.get("/profile").await;
    assert_eq!(answer.status, 503);
    assert_eq!(audited(answer.header("x-request-id").unwrap()), [""; 0]);
}
