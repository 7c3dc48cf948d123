//! The way back.

use std::path::Path;
use std::time::Duration;

use super::{CORRUPT, Stopped, count, execute, names};
use crate::support::process::{DOORWARD, Process, free_addr};

const EVE: &str = "
    INSERT INTO users (id, issuer, subject, email_verified, created_at, last_sign_in_at)
    VALUES ('eve', 'https://op.example.com', '00ueve', FALSE, '2026-11-26 12:00:00', '2026-11-26 12:00:00')";

impl Stopped {
    /// A backup with Ada alone, after which Eve came.
    fn saved(&self) -> String {
        let saved = self.path("saved.db").to_str().unwrap().to_owned();
        self.does(&["backup", &saved]);
        execute(&self.database, EVE);
        saved
    }

    /// A Doorward on it that has nothing to do.
    fn start(&self) -> Process {
        let addr = free_addr();
        let variables = [("DATABASE_URL", self.database.to_str().unwrap())];
        let mut doorward = Process::doorward(addr, &variables);
        doorward.answers(addr);
        doorward
    }

    fn former(&self) -> std::path::PathBuf {
        let names = self.names();
        let is_former =
            |name: &&String| name.starts_with("doorward.db.replaced-") && name.ends_with('Z');
        self.path(names.iter().find(is_former).expect("the former database"))
    }
}

#[actix_web::test]
async fn a_restored_database_is_the_backup_without_sessions_and_the_former_one_is_kept() {
    let stopped = Stopped::new().await;
    let saved = stopped.saved();
    // As `sqlite3 doorward.db ".backup saved.db"` would have left it.
    execute(
        Path::new(&saved),
        "INSERT INTO sessions (key_hash, user_id, state, created_at, last_seen_at)
             SELECT 'k', id, 's', created_at, created_at FROM users;
         INSERT INTO sign_outs VALUES ('h', 'i', '2026-11-26 12:00:00');
         INSERT INTO single_use (hash, expires_at) VALUES ('u', '2026-11-26 12:00:00');
         PRAGMA journal_mode = WAL",
    );
    let single_use = count(Path::new(&saved), "single_use");
    let printed = stopped.does(&["restore", &saved]);
    let former = stopped.former();
    let expected = format!(
        "{} was restored from {saved}. People: 1. Sessions deleted: 1, since some may have ended after the backup; \
         everybody signs in again. Whoever was blocked after the backup must be blocked again.\n\
         The former database is now {}. Delete it when you do not need it any more.\n",
        stopped.database.display(),
        former.display()
    );
    assert_eq!(printed, expected);
    assert_eq!(stopped.names().len(), 3, "{:?}", stopped.names());
    let restored = &stopped.database;
    for (what, expected) in [
        ("users", 1),
        ("sessions", 0),
        ("sign_outs", 0),
        ("single_use", single_use),
        (CORRUPT, 0),
    ] {
        assert_eq!(count(restored, what), expected, "{what}");
    }
    assert_eq!(
        (count(&former, "users"), count(&former, "sessions")),
        (2, 1)
    );
    drop(stopped.start());
}

#[actix_web::test]
async fn a_database_in_use_is_not_replaced_however_idle_it_is() {
    let stopped = Stopped::new().await;
    let saved = stopped.saved();
    let mut doorward = stopped.start();
    let names = stopped.names();
    let said = stopped.refuses(&["restore", &saved]);
    let expected = format!(
        "{} is in use by process {}. Stop Doorward first, and whatever else has it open.\n",
        stopped.database.display(),
        doorward.id()
    );
    assert_eq!(said, expected);
    assert_eq!(stopped.names(), names);
    doorward.signal("TERM");
    doorward.ends();
    stopped.does(&["restore", &saved]);
    assert_eq!(count(&stopped.database, "users"), 1);
}

/// A process that was killed leaves its log, which would be played into the backup.
#[actix_web::test]
async fn what_a_killed_process_left_is_with_the_former_database() {
    let stopped = Stopped::new().await;
    let saved = stopped.path("saved.db");
    let saved = saved.to_str().unwrap();
    stopped.does(&["backup", saved]);
    let mut doorward = stopped.start();
    let beside = super::open(&stopped.database);
    execute(&stopped.database, EVE);
    doorward.kill();
    // Not closed: the last connection would delete the log.
    std::fs::copy(stopped.path("doorward.db-wal"), stopped.path("kept")).unwrap();
    drop(beside);
    std::fs::rename(stopped.path("kept"), stopped.path("doorward.db-wal")).unwrap();
    std::fs::write(stopped.path("doorward.db-shm"), "").unwrap();
    stopped.does(&["restore", saved]);
    let former = stopped.former();
    assert_eq!(stopped.names().len(), 3, "{:?}", stopped.names());
    assert_eq!(count(&stopped.database, CORRUPT), 0);
    assert_eq!(count(&stopped.database, "users"), 1);
    assert_eq!(count(&former, "users"), 2);
}

#[actix_web::test]
async fn a_database_that_is_damaged_or_gone_is_replaced() {
    let stopped = Stopped::new().await;
    let saved = stopped.saved();
    for name in ["doorward.db", "doorward.db-wal", "doorward.db-shm"] {
        std::fs::write(
            stopped.path(name),
            "hello, this is no database, ".repeat(100),
        )
        .unwrap();
    }
    stopped.does(&["restore", &saved]);
    assert_eq!(count(&stopped.database, "users"), 1);
    assert_eq!(count(&stopped.database, CORRUPT), 0);
    for name in stopped
        .names()
        .iter()
        .filter(|name| name.contains("replaced"))
    {
        let kept = std::fs::read(stopped.path(name)).unwrap();
        assert!(kept.starts_with(b"hello"), "{name}");
    }
    assert_eq!(stopped.names().len(), 4, "{:?}", stopped.names());

    let empty = tempfile::tempdir().unwrap();
    let database = empty.path().join("doorward.db");
    std::fs::write(empty.path().join("doorward.db-shm"), "stale").unwrap();
    let (code, printed) = super::run(&database, &["restore", &saved]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(!printed.contains("former"), "{printed}");
    assert_eq!(count(&database, "users"), 1);
    assert_eq!(names(empty.path()), ["doorward.db"]);
}

#[actix_web::test]
async fn what_is_no_complete_backup_is_refused_before_anything_is_touched() {
    let stopped = Stopped::new().await;
    let saved = stopped.saved();
    let good = std::fs::read(&saved).unwrap();
    let before = std::fs::read(&stopped.database).unwrap();
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8192].fill(7);
    let with = |statements: &str| {
        std::fs::write(&saved, &good).unwrap();
        execute(Path::new(&saved), statements);
        std::fs::read(&saved).unwrap()
    };
    let newer = with("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
    let other = with("DELETE FROM __diesel_schema_migrations");
    for (content, cause) in [
        (
            b"hello, this is no database, ".repeat(100),
            "file is not a database",
        ),
        (Vec::new(), "it is no database of Doorward's"),
        (damaged, "it is damaged ("),
        (
            newer,
            "a newer Doorward wrote it, with migrations that this one does not know: 20991231000000",
        ),
        (other, "it is no database of Doorward's"),
    ] {
        std::fs::write(&saved, content).unwrap();
        let said = stopped.refuses(&["restore", &saved]);
        let expected = format!("{saved} can't be restored: {cause}");
        assert!(said.starts_with(&expected), "{said}");
    }
    std::fs::write(&saved, &good).unwrap();
    std::fs::write(stopped.path("saved.db-wal"), "log").unwrap();
    let said = stopped.refuses(&["restore", &saved]);
    assert!(
        said.starts_with(&format!(
            "{saved}-wal lies beside the backup, which is not complete without it"
        )),
        "{said}"
    );
    let said = stopped.refuses(&["restore", "nothing.db"]);
    let expected = format!(
        "nothing.db can't be copied to {}: No such file",
        stopped.folder.path().display()
    );
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(std::fs::read(&stopped.database).unwrap(), before);
    assert_eq!(stopped.names(), ["doorward.db", "saved.db", "saved.db-wal"]);
}

mod slow {
    use super::*;

    /// Killed later and later, until it is done before.
    #[actix_web::test]
    async fn kill_9_leaves_the_former_database_or_the_backup() {
        let stopped = Stopped::new().await;
        let saved = stopped.saved();
        let variables = [("DATABASE_URL", stopped.database.to_str().unwrap())];
        let (mut former, mut restored) = (0, 0);
        for tries in 0.. {
            let mut doorward = Process::start(DOORWARD, &["restore", &saved], &variables);
            std::thread::sleep(Duration::from_micros(tries * 300));
            doorward.kill();
            let is_done = doorward.printed().contains("was restored");
            assert_eq!(count(&stopped.database, CORRUPT), 0);
            match count(&stopped.database, "users") {
                2 => former += 1,
                users => {
                    assert_eq!((users, count(&stopped.database, "sessions")), (1, 0));
                    restored += 1;
                    execute(&stopped.database, EVE);
                }
            }
            if is_done && former > 5 && restored > 5 {
                break;
            }
        }
        println!("the former {former} times, the backup {restored} times");
    }
}
