//! The database and its migrations.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};

use super::complaints_with;
use crate::on_both;
use crate::support::app::Storage;
use crate::support::process::free_addr;
use crate::support::{Database, TestApp};

on_both! {
    async fn missing_migrations_are_told_and_not_applied(database: Database) {
        let app = TestApp::spawn();
        let storage = Storage::new(database);
        if database == Database::Sqlite {
            std::fs::write(&storage.url, "").unwrap();
        }
        let names = "2026-11-22-000001_create_users, 2026-11-22-000002_create_sessions, 2026-11-22-000003_block_users";
        let found = complaints_with(&app, &[("DATABASE_URL", &storage.url)]);
        let expected = format!("warning migrations missing: {names}");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
        assert!(found[0].ends_with(" Fix: start Doorward, which applies them, or run `diesel migration run`."), "{found:?}");
        let found = complaints_with(&app, &[("DATABASE_URL", &storage.url), ("AUTO_MIGRATE", "false")]);
        let expected = format!("fault migrations missing, and AUTO_MIGRATE is false, so Doorward does not start: {names}");
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
        assert!(found[0].ends_with(" Fix: run `diesel migration run`."), "{found:?}");
    }
}

#[actix_web::test]
async fn a_postgres_that_takes_no_writes() {
    let app = TestApp::spawn_on(Database::Postgres);
    let url = format!(
        "{}?options=-c%20default_transaction_read_only%3Don",
        app.storage().url
    );
    let found = complaints_with(&app, &[("DATABASE_URL", &url)]);
    assert_eq!(
        found,
        [
            "fault database Postgres is reachable, but accepts no writes. Fix: set DATABASE_URL to the primary, not a \
             standby, with a role that may write."
        ]
    );
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn a_database_that_is_away_or_hangs_or_is_none() {
        let app = TestApp::spawn();
        let nobody = free_addr();
        let hung = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let none = Storage::new(Database::Sqlite);
        std::fs::write(&none.url, "hello, this is no database, ".repeat(100)).unwrap();
        for (url, cause) in [
            (
                format!("postgres://doorward:hunter2@{nobody}/doorward"),
                "Connection refused",
            ),
            (
                format!(
                    "postgres://doorward:hunter2@{}/doorward",
                    hung.local_addr().unwrap()
                ),
                "timeout expired",
            ),
            (none.url.clone(), "file is not a database"),
        ] {
            let found = complaints_with(&app, &[("DATABASE_URL", &url)]);
            assert_eq!(found.len(), 3, "{found:?}");
            assert!(
                found[0].starts_with("fault database the database can't be reached: ")
                    && found[0].contains(cause),
                "{found:?}"
            );
            assert!(
                found[0].ends_with(
                    " Fix: check DATABASE_URL, and that the database is running and accepts this login."
                ),
                "{found:?}"
            );
            assert_eq!(found[1], "can't tell migrations needs the database.");
            assert_eq!(found[2], "can't tell db_clock needs the database.");
        }
        let (mut content, mut file) = (String::new(), std::fs::File::open(&none.url).unwrap());
        file.read_to_string(&mut content).unwrap();
        assert!(content.starts_with("hello") && content.len() == 2800);
    }
}
