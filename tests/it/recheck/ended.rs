//! People end sessions at `/sessions`, sign in once more, or step up: what becomes of the refresh tokens.

use std::time::Duration;

use actix_web::rt::time::sleep;
use diesel::connection::SimpleConnection;
use futures_util::future::join;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{pass, refreshes, start, until};
use crate::on_both;
use crate::own_sessions::{ids, page};
use crate::support::provider::Endpoint;
use crate::support::rows::session;
use crate::support::{Database, TestApp};

fn revocations(app: &TestApp) -> usize {
    app.provider.request_count(Endpoint::Revoke)
}

/// Waits until so many refresh tokens work at the provider.
async fn until_live(app: &TestApp, count: usize) {
    until("revoked", || app.provider.live_refresh_tokens() == count).await;
}

/// A query waits for a lock.
fn somebody_waits(app: &TestApp) -> bool {
    let query = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    app.storage().number(query) > 0
}

on_both! {
    async fn a_session_that_its_person_ends_is_revoked_at_the_provider(database: Database) {
        let app = start(database);
        let (ada, other) = (app.signed_in("ada").await, app.signed_in("ada").await);
        let grace = app.signed_in("grace").await;
        let form = format!("session={}", ids(&page(&ada).await)[0]);
        // It is not hers: nothing ends, and nothing is revoked.
        assert_eq!(grace.post("/sessions/end", &form).await.status, 200);
        assert_eq!(app.provider.live_refresh_tokens(), 3);
        assert_eq!(ada.post("/sessions/end", &form).await.status, 303);
        until_live(&app, 2).await;
        // A second click revokes nothing.
        assert_eq!(ada.post("/sessions/end", &form).await.status, 200);
        assert_eq!(revocations(&app), 1);
        pass(&app);
        assert!(!other.is_signed_in().await);
        assert!(ada.is_signed_in().await && grace.is_signed_in().await);
        assert_eq!((refreshes(&app.provider), app.provider.live_refresh_tokens()), (2, 2));
    }

    async fn ending_the_others_revokes_theirs_alone(database: Database) {
        let app = start(database);
        let (ada, grace) = (app.signed_in("ada").await, app.signed_in("grace").await);
        for _ in 0..3 {
            app.signed_in("ada").await;
        }
        assert_eq!(ada.post("/sessions/end-others", "").await.status, 303);
        until_live(&app, 2).await;
        assert_eq!(revocations(&app), 3);
        pass(&app);
        assert!(ada.is_signed_in().await && grace.is_signed_in().await);
    }

    async fn ending_all_revokes_all(database: Database) {
        let app = start(database);
        let (ada, grace) = (app.signed_in("ada").await, app.signed_in("grace").await);
        for _ in 0..2 {
            app.signed_in("ada").await;
        }
        assert_eq!(ada.post("/sessions/end-all", "").await.status, 303);
        until_live(&app, 1).await;
        assert_eq!(revocations(&app), 3);
        pass(&app);
        assert!(!ada.is_signed_in().await && grace.is_signed_in().await);
    }

    /// Many providers revoke with one token all that the person has with this application: the new one too.
    async fn a_step_up_and_a_second_sign_in_forget_the_former_refresh_token(database: Database) {
        let app = start(database);
        for path in ["/step-up?return_to=/profile", "/login"] {
            let ada = app.signed_in("ada").await;
            let before = app.provider.live_refresh_tokens();
            let provider = ada.begin(path).await;
            let callback = ada.choose(&provider, "ada").await;
            assert_eq!(ada.get(&callback).await.location(), "/profile");
            assert_eq!(app.storage().sessions(), 1);
            app.storage().execute("UPDATE sessions SET recheck_at = '2020-01-01 00:00:00'");
            let asked = refreshes(&app.provider);
            assert!(ada.is_signed_in().await, "the new token works: {path}");
            assert_eq!(refreshes(&app.provider), asked + 1);
            let revoked = revocations(&app);
            assert_eq!(ada.post("/logout", "").await.status, 303);
            until_live(&app, before).await;
            assert_eq!(revocations(&app), revoked + 1, "{path}");
        }
        assert_eq!(revocations(&app), 2);
    }
}

/// Another process has replaced the token since this one read it.
#[actix_web::test]
async fn the_token_that_is_revoked_is_that_of_the_row_that_goes() {
    let app = start(Database::Postgres);
    app.provider.faults(|faults| faults.revoke_alone = true);
    let ada = app.signed_in("ada").await;
    let before = session(&app).state;
    pass(&app);
    assert!(ada.is_signed_in().await);
    let after = session(&app).state;
    let set = |state: &str| format!("UPDATE sessions SET state = '{state}'");
    app.storage().execute(&set(&before));
    let mut replacing = app.storage().connect();
    replacing
        .batch_execute(&format!("BEGIN; {}", set(&after)))
        .unwrap();
    let replace = async {
        until("waiting", || somebody_waits(&app)).await;
        replacing.batch_execute("COMMIT").unwrap();
    };
    let (left, ()) = join(ada.post("/logout", ""), replace).await;
    assert_eq!(left.status, 303);
    until_live(&app, 0).await;
}

/// Sends a click, and resets its connection when the server is waiting.
async fn reset_when(app: &TestApp, click: &str, is_waiting: impl Fn() -> bool) {
    let addr = app.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(click.as_bytes()).await.unwrap();
    until("waiting", is_waiting).await;
    stream.set_zero_linger().unwrap();
}

/// Browsers close the connection of the first click at the second one, and proxies pass that on. While a request is being answered,
/// the server does not read, so nothing drops its handler.
#[actix_web::test]
async fn a_browser_that_does_not_wait_has_its_tokens_revoked_all_the_same() {
    for path in ["/logout", "/sessions/end", "/sessions/end-others"] {
        let app = start(Database::Postgres);
        let (ada, _other) = (app.signed_in("ada").await, app.signed_in("ada").await);
        let form = format!("session={}", ids(&page(&ada).await)[0]);
        let name = app.cookie_name("doorward");
        let cookie = &ada.app_cookies()["doorward"];
        let click = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {name}={cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let mut lock = app.storage().connect();
        lock.batch_execute("BEGIN; SELECT 1 FROM sessions FOR UPDATE")
            .unwrap();
        reset_when(&app, &click, || somebody_waits(&app)).await;
        // By now the server has seen that nobody waits.
        sleep(Duration::from_millis(300)).await;
        lock.batch_execute("COMMIT").unwrap();
        until_live(&app, 1).await;
        assert_eq!(app.storage().sessions(), 1, "{path}");
    }
}

mod slow {
    use super::*;
    use std::time::Instant;

    #[actix_web::test]
    async fn of_many_sessions_a_few_are_revoked_at_once_and_nobody_waits() {
        let app = start(Database::Sqlite);
        let ada = app.signed_in("ada").await;
        for _ in 0..40 {
            app.signed_in("ada").await;
        }
        app.provider.faults(|faults| {
            let late = Duration::from_secs(1);
            faults.late_response.insert(Endpoint::Revoke, late);
        });
        let began = Instant::now();
        assert_eq!(ada.post("/sessions/end-others", "").await.status, 303);
        assert!(began.elapsed() < Duration::from_secs(4));
        until_live(&app, 1).await;
        // Eight at once, five times.
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(4), "{took:?}");
        assert_eq!(revocations(&app), 40);
    }
}
