//! The database and its migrations.

use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use doorward::db::{DatabaseUrl, Db};

use super::{complaints, complaints_with};
use crate::on_both;
use crate::support::app::Storage;
use crate::support::process::free_addr;
use crate::support::{Database, TestApp};

on_both! {
    async fn tables_that_are_gone_are_told(app: TestApp) {
        app.storage().execute("DROP TABLE sign_outs");
        assert_eq!(
            complaints(&app),
            ["fault migrations all are applied, but these tables are not there, or the role can't find them: sign_outs. Fix: \
              restore a backup; on Postgres, compare the role's search_path and USAGE on the schema."]
        );
    }
}

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

#[actix_web::test]
async fn rights_that_the_role_lacks_are_told_by_table_with_the_statement_that_grants_them() {
    let app = TestApp::spawn_on(Database::Postgres);
    let storage = app.storage();
    let (_, name) = storage.url.rsplit_once('/').unwrap();
    let role = format!("checker_of_{name}");
    storage.execute(&format!(
        "CREATE ROLE {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};
         GRANT INSERT, DELETE ON audit_events, sign_outs, single_use TO {role};
         GRANT INSERT, UPDATE, DELETE ON ended_sids TO {role};
         GRANT UPDATE ON users TO {role};
         ALTER DATABASE {name} SET role = {role};"
    ));
    assert_eq!(
        complaints(&app),
        [
            "fault database Postgres is reachable, but a write failed: a database query failed: permission denied for \
             table users. Fix: make room if the disk is full; a lock that another process holds must end; grant missing \
             rights."
                .to_owned(),
            format!(
                "fault rights {role} lacks sessions: INSERT, UPDATE, DELETE; users: INSERT, DELETE. Fix: as the owner of \
                 the tables, run GRANT INSERT, UPDATE, DELETE ON sessions TO {role}; GRANT INSERT, DELETE ON users TO {role}."
            ),
        ]
    );
    storage.execute(&format!(
        "SET ROLE NONE; GRANT INSERT, UPDATE, DELETE ON sessions TO {role}; GRANT INSERT, DELETE ON users TO {role}"
    ));
    assert_eq!(complaints(&app), [""; 0]);
}

#[actix_web::test]
async fn a_postgres_that_cant_hold_every_name() {
    let app = TestApp::spawn();
    let storage = Storage::new(Database::Postgres);
    let (server, name) = storage.url.rsplit_once('/').unwrap();
    let name = format!("latin_of_{name}");
    storage.execute(&format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    ));
    let found = complaints_with(&app, &[("DATABASE_URL", &format!("{server}/{name}"))]);
    storage.execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
    let line = "fault encoding it is LATIN1, which can't hold every name, so Doorward does not start. Fix: create a \
                database with ENCODING 'UTF8', and copy the data with `pg_dump OLD | psql NEW`.";
    assert!(found.iter().any(|it| it == line), "{found:?}");
}

/// As on a disk that lost a page.
#[actix_web::test]
async fn an_sqlite_file_that_is_corrupt() {
    let app = TestApp::spawn();
    let storage = Storage::new(Database::Sqlite);
    let url = DatabaseUrl::Sqlite(storage.url.clone().into());
    Db::new(url).migrate(Duration::from_secs(60)).unwrap();
    let page = storage.number("SELECT rootpage AS n FROM sqlite_schema WHERE name = 'sign_outs'");
    assert!(!std::path::Path::new(&format!("{}-wal", storage.url)).exists());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(&storage.url)
        .unwrap();
    let page = u64::try_from(page).unwrap();
    file.seek(SeekFrom::Start((page - 1) * 4096)).unwrap();
    file.write_all(&[0x77; 4096]).unwrap();
    drop(file);
    let found = complaints_with(&app, &[("DATABASE_URL", &storage.url)]);
    let line = found.iter().find(|it| it.starts_with("fault integrity "));
    assert!(line.is_some(), "{found:?}");
    let fix = " Fix: stop Doorward, keep a copy of the file, and restore a backup.";
    assert!(line.unwrap().ends_with(fix), "{found:?}");
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
