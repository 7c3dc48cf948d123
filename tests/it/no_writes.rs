//! A Postgres that can be read and not written: whoever is signed in is served, and no page says what did not happen.

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;

use crate::on_both;
use crate::support::app::Storage;
use crate::support::{Database, TestApp, log};

const NOT_RECORDED: &str = "Our database did not record that you signed out.";

/// Why nothing can be written.
#[derive(Clone, Copy)]
enum Fault {
    /// As on a standby.
    ReadOnly,
    /// As for a role that was granted too little.
    NoRights,
}

/// The storage of an app on Postgres, of which only reading works.
struct NoWrites<'a> {
    storage: &'a Storage,
    name: &'a str,
}

impl<'a> NoWrites<'a> {
    fn make(storage: &'a Storage, fault: Fault) -> Self {
        let (_, name) = storage.url.rsplit_once('/').unwrap();
        let setting = match fault {
            Fault::ReadOnly => "default_transaction_read_only = on".to_owned(),
            Fault::NoRights => {
                let role = format!("reader_of_{name}");
                storage.execute(&format!(
                    "CREATE ROLE {role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
                ));
                format!("role = {role}")
            }
        };
        storage.execute(&format!(
            "ALTER DATABASE {name} SET {setting};
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = '{name}' AND pid <> pg_backend_pid();"
        ));
        NoWrites { storage, name }
    }

    fn end(self) {
        let NoWrites { storage, name } = self;
        storage.execute(&format!(
            "SET TRANSACTION READ WRITE; SET ROLE NONE; ALTER DATABASE {name} RESET ALL;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = '{name}' AND pid <> pg_backend_pid();"
        ));
    }
}

/// With an hour of idle time and a day in all.
fn app() -> TestApp {
    let settings = [
        ("SESSION_IDLE_TIMEOUT", "1h"),
        ("SESSION_ABSOLUTE_TIMEOUT", "24h"),
        ("SESSION_CACHE", "0"),
    ];
    TestApp::spawn_with(Database::Postgres, &settings)
}

async fn assert_signed_in_people_are_served(fault: Fault) {
    let app = app();
    let (active, idle) = (app.signed_in("ada").await, app.signed_in("grace").await);
    let no_writes = NoWrites::make(app.storage(), fault);
    assert_eq!(app.visitor().sign_in("grace").await.status, 503);
    assert_eq!(app.visitor().get("/").await.status, 200);
    for _ in 0..6 {
        app.clock.shift(time::Duration::minutes(30));
        for _ in 0..3 {
            let profile = active.get("/profile").await;
            assert_eq!(profile.status, 200, "{profile:?}");
        }
    }
    let expired = idle.get("/profile").await;
    assert_eq!(expired.status, 503, "it is idle: {expired:?}");
    app.clock.shift(time::Duration::minutes(60));
    assert_ne!(
        active.get("/profile").await.status,
        200,
        "now it is idle too"
    );
    no_writes.end();
    assert!(!active.is_signed_in().await);
    assert!(!idle.is_signed_in().await);
    // The provider's clock was not shifted.
    app.clock.shift(time::Duration::minutes(-240));
    assert_eq!(app.visitor().sign_in("grace").await.location(), "/profile");
}

#[actix_web::test]
async fn on_a_read_only_postgres_signed_in_people_are_served_until_their_session_is_idle() {
    assert_signed_in_people_are_served(Fault::ReadOnly).await;
}

#[actix_web::test]
async fn without_the_right_to_write_signed_in_people_are_served_until_their_session_is_idle() {
    assert_signed_in_people_are_served(Fault::NoRights).await;
}

/// However active somebody is.
#[actix_web::test]
async fn without_writes_no_session_lasts_longer_than_the_absolute_timeout_or_a_block() {
    let app = app();
    let (ada, grace) = (app.signed_in("ada").await, app.signed_in("grace").await);
    let no_writes = NoWrites::make(app.storage(), Fault::ReadOnly);
    for _ in 0..47 {
        app.clock.shift(time::Duration::minutes(30));
        assert_eq!(ada.get("/profile").await.status, 200);
        assert_eq!(grace.get("/profile").await.status, 200);
    }
    // An administrator's connection may write.
    app.storage().execute(
        "SET TRANSACTION READ WRITE; UPDATE users SET blocked_at = now() WHERE email LIKE 'grace%'",
    );
    assert!(!grace.is_signed_in().await);
    app.clock.shift(time::Duration::minutes(30));
    assert_ne!(ada.get("/profile").await.status, 200);
    no_writes.end();
}

/// What `/readyz` says, once it says something else than before.
async fn ready(app: &TestApp, before: &str) -> (u16, String) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = app.visitor().get("/readyz").await;
        if answer.body != before {
            return (answer.status, answer.body);
        }
        assert!(Instant::now() < deadline, "still {before}");
        sleep(Duration::from_millis(50)).await;
    }
}

const OK: &str = "database: ok\n";

/// A load balancer goes on sending people, of whom those who are signed in are served.
#[actix_web::test]
async fn readyz_says_that_nothing_can_be_written() {
    for (fault, says) in [
        (Fault::ReadOnly, "database: read-only (the log says why)\n"),
        (
            Fault::NoRights,
            "database: rights are missing (the log says why)\n",
        ),
    ] {
        let app = app();
        assert_eq!(ready(&app, "").await, (200, OK.to_owned()));
        let no_writes = NoWrites::make(app.storage(), fault);
        assert_eq!(ready(&app, OK).await, (200, says.to_owned()));
        no_writes.end();
        assert_eq!(ready(&app, says).await, (200, OK.to_owned()));
    }
    let lines = log::lines_with("/readyz answers 200: the database's role lacks rights: ");
    let rights = "audit_events: INSERT, DELETE; ended_sids: INSERT, UPDATE, DELETE; sessions: INSERT, UPDATE, DELETE; sign_outs: INSERT, DELETE; \
                  single_use: INSERT, DELETE; users: INSERT, UPDATE, DELETE";
    assert!(lines.iter().any(|line| line.ends_with(rights)), "{lines:?}");
}

on_both! {
    async fn readyz_says_that_tables_are_gone_and_is_unready_without_those_of_pages(app: TestApp) {
        assert_eq!(ready(&app, "").await, (200, OK.to_owned()));
        app.storage().execute("DROP TABLE sign_outs");
        let says = "database: tables are missing (the log says why)\n";
        assert_eq!(ready(&app, OK).await, (200, says.to_owned()));
        app.storage().execute("DROP TABLE sessions");
        let deadline = Instant::now() + Duration::from_secs(10);
        while app.visitor().get("/readyz").await.status != 503 {
            assert!(Instant::now() < deadline);
            sleep(Duration::from_millis(50)).await;
        }
    }
}

#[actix_web::test]
async fn a_sign_out_that_is_not_recorded_says_so() {
    for fault in [Fault::ReadOnly, Fault::NoRights] {
        let app = app();
        let ada = app.signed_in("ada").await;
        let no_writes = NoWrites::make(app.storage(), fault);
        let page = ada.post("/logout", "").await;
        assert_eq!(page.refusal(), (503, NOT_RECORDED.to_owned()), "{page:?}");
        assert!(page.body.contains("You may still be signed in"), "{page:?}");
        let lines = log::errors_of(&page);
        let expected = "a sign-out was not recorded: a database query failed: ";
        assert!(lines.len() == 1 && lines[0].contains(expected), "{lines:?}");
        assert!(ada.is_signed_in().await, "the page said so");
        no_writes.end();
        ada.post("/logout", "").await;
        assert!(!ada.is_signed_in().await);
    }
}
