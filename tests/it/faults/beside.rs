//! A command, or SQLite's shell, beside a Doorward whose files do not belong together any more: what was acknowledged by one
//! of them is not overwritten by the other.

use std::path::PathBuf;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::{NO_RECORDS, Service, assert_page, is_back, number, until, users};
use crate::support::Database;
use crate::support::app::Storage;
use crate::support::people::email;
use crate::support::process::{DOORWARD, Process, complete, free_addr};

/// What a command prints that fails.
fn refuses(service: &Service, arguments: &[&str]) -> String {
    let variables = complete(free_addr(), &[("DATABASE_URL", &service.database)]);
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let (code, printed) = Process::start(DOORWARD, arguments, &variables).ends();
    assert_eq!(code, Some(1), "{arguments:?}: {printed}");
    printed
}

fn shared_memory(database: &str) -> PathBuf {
    format!("{database}-shm").into()
}

/// Somebody else, to whom Doorward's process does not matter.
fn shell(database: &str, statements: &str) {
    let mut shell = SqliteConnection::establish(database).unwrap();
    shell.batch_execute(statements).unwrap();
}

const BLOCKED: &str = "SELECT COUNT(*) AS n FROM users WHERE blocked_at IS NOT NULL";

/// Doorward knows nothing of what the shell wrote to the log: it must neither write after it, nor delete the log.
#[actix_web::test]
async fn what_a_shell_writes_after_the_shared_memory_was_removed_is_kept() {
    for is_idle in [true, false] {
        let storage = Storage::new(Database::Sqlite);
        let mut service = Service::start(&storage.url);
        let ada = service.visitor();
        for person in 0..5 {
            let visitor = service.visitor();
            assert!(is_back(&visitor.sign_in(&format!("p{person}")).await));
        }
        assert!(is_back(&ada.sign_in("p5").await));
        std::fs::remove_file(shared_memory(&storage.url)).unwrap();
        let told = format!("{}-shm was deleted while it is open", storage.url);
        until("it is told", Duration::from_secs(10), async || {
            service.doorward.printed().contains(&told)
        })
        .await;
        let block = "UPDATE users SET blocked_at = '2026-11-26 12:00:00' WHERE subject = '00u0'";
        shell(&storage.url, block);
        if !is_idle {
            assert_page(&service.visitor().sign_in("p6").await, 503, NO_RECORDS);
            assert_eq!(service.visitor().get("/readyz").await.status, 503);
            service.doorward.says(&format!(
                "{}-shm was replaced by another file while it is open, so nothing is written any more: restart Doorward",
                storage.url
            ));
        }
        service.doorward.signal("TERM");
        service.doorward.ends();
        service.restart();
        assert_eq!(number(&storage.url, BLOCKED), 1, "idle: {is_idle}");
        assert_eq!(users(&storage.url), 6);
        assert!(ada.reconnected().is_signed_in().await);
        assert!(is_back(&service.visitor().sign_in("p6").await));
        let check =
            "SELECT COUNT(*) AS n FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        assert_eq!(number(&storage.url, check), 0);
    }
}

#[actix_web::test]
async fn a_log_beside_the_target_of_a_link_is_watched_too() {
    let storage = Storage::new(Database::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&storage.url, &link).unwrap();
    let service = Service::start(link.to_str().unwrap());
    assert!(is_back(&service.visitor().sign_in("p0").await));
    std::fs::remove_file(format!("{}-wal", storage.url)).unwrap();
    assert_page(&service.visitor().sign_in("p1").await, 503, NO_RECORDS);
    service.doorward.says("-wal was deleted while it is open");
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn a_command_names_the_lock_of_whoever_has_the_file_for_itself() {
        let storage = Storage::new(Database::Sqlite);
        let service = Service::start(&storage.url);
        let Service { mut doorward, .. } = service;
        doorward.signal("TERM");
        doorward.ends();
        let mut other = SqliteConnection::establish(&storage.url).unwrap();
        let alone = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE";
        other.batch_execute(alone).unwrap();
        let variables = [("DATABASE_URL", storage.url.as_str())];
        let (code, printed) = Process::start(DOORWARD, &["users", "list"], &variables).ends();
        assert_eq!(code, Some(1), "{printed}");
        let expected = format!("another process holds the write lock of {}", storage.url);
        assert!(printed.contains(&expected), "{printed}");
    }

    /// Each command waits for a while: the other process may just be opening or closing its files.
    #[actix_web::test]
    async fn no_command_opens_the_database_beside_a_process_with_other_files() {
        for suffix in ["-shm", "-wal"] {
            let storage = Storage::new(Database::Sqlite);
            let mut service = Service::start(&storage.url);
            let ada = service.visitor();
            assert!(is_back(&ada.sign_in("p0").await));
            let removed = format!("{}{suffix}", storage.url);
            std::fs::remove_file(&removed).unwrap();
            let backup = format!("{}.backup", storage.url);
            for command in [
                &["users", "block", &email(0)][..],
                &["sessions", "list"],
                &["backup", &backup],
                // Another server.
                &[],
            ] {
                let said = refuses(&service, command);
                let expected = format!(
                    "{removed} was removed while process {} has the database open.",
                    service.doorward.id()
                );
                assert!(said.contains(&expected), "{command:?}: {said}");
            }
            assert!(!PathBuf::from(&removed).exists(), "it was made anew");
            service.doorward.signal("TERM");
            service.doorward.ends();
            service.restart();
            assert!(ada.reconnected().is_signed_in().await);
            let block = ["users", "block", &email(0)];
            let variables = [("DATABASE_URL", storage.url.as_str())];
            let (code, printed) = Process::start(DOORWARD, &block, &variables).ends();
            assert_eq!(code, Some(0), "{printed}");
            assert_eq!(number(&storage.url, BLOCKED), 1);
        }
    }

    /// Its log and shared memory are those of the file that the process still has open.
    #[actix_web::test]
    async fn no_command_opens_a_file_that_was_moved_over_an_open_database() {
        let storage = Storage::new(Database::Sqlite);
        let service = Service::start(&storage.url);
        assert!(is_back(&service.visitor().sign_in("p0").await));
        let backup = format!("{}.backup", storage.url);
        shell(&storage.url, &format!("VACUUM INTO '{backup}'"));
        let second = format!("{}.second", storage.url);
        std::fs::copy(&backup, &second).unwrap();
        std::fs::rename(&backup, &storage.url).unwrap();
        for command in [
            &["users", "block", &email(0)][..],
            &["backup", &backup],
            &["restore", &second],
            &[],
        ] {
            let said = refuses(&service, command);
            let expected = format!(
                "belong to another file, which process {} has open",
                service.doorward.id()
            );
            assert!(said.contains(&expected), "{command:?}: {said}");
        }
    }
}
