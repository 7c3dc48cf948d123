//! `doorward backup` and `doorward restore`.

mod document;
mod postgres;
mod restore;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;

use crate::support::app::Storage;
use crate::support::process::{DOORWARD, Process};
use crate::support::{Database, TestApp};

/// An SQLite database with one person, Ada, who is signed in, and nobody who uses it.
struct Stopped {
    folder: TempDir,
    database: PathBuf,
}

impl Stopped {
    async fn new() -> Stopped {
        let app = TestApp::spawn();
        assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("doorward.db");
        let copy = format!("VACUUM INTO '{}'", database.display());
        app.storage().execute(&copy);
        Stopped { folder, database }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        run(&self.database, arguments)
    }

    /// The output of a command that succeeds.
    fn does(&self, arguments: &[&str]) -> String {
        let (code, printed) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {printed}");
        printed
    }

    /// The output of a command that fails.
    fn refuses(&self, arguments: &[&str]) -> String {
        let (code, printed) = self.run(arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {printed}");
        printed
    }

    /// The names in its folder.
    fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }
}

fn run(database: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let variables = [("DATABASE_URL", database.to_str().unwrap())];
    Process::start(DOORWARD, arguments, &variables).ends()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn open(file: &Path) -> SqliteConnection {
    SqliteConnection::establish(file.to_str().unwrap()).unwrap()
}

fn execute(file: &Path, statements: &str) {
    open(file).batch_execute(statements).unwrap();
}

fn count(file: &Path, what: &str) -> i64 {
    let count =
        diesel::dsl::sql::<diesel::sql_types::BigInt>(&format!("SELECT COUNT(*) FROM {what}"));
    count.get_result(&mut open(file)).unwrap()
}

const CORRUPT: &str = "pragma_integrity_check WHERE integrity_check <> 'ok'";

/// Whoever uses `.backup` of SQLite's shell starts over at each write, and may never end.
#[actix_web::test]
async fn a_database_that_others_write_to_without_pause_is_saved_whole() {
    let app = TestApp::spawn_on(Database::Sqlite);
    app.visitor().sign_in("ada").await;
    let storage = app.storage();
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.db");
    let (written, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let (before, after) = std::thread::scope(|scope| {
        scope.spawn(|| write_without_pause(storage, &written, &is_over));
        while written.load(Ordering::SeqCst) < 100 {
            std::thread::yield_now();
        }
        let before = written.load(Ordering::SeqCst);
        let (code, printed) = run(
            Path::new(&storage.url),
            &["backup", saved.to_str().unwrap()],
        );
        let after = written.load(Ordering::SeqCst);
        is_over.store(true, Ordering::SeqCst);
        let expected = format!(
            "{} has everything of {} but its sessions, and was checked. People: 1.\n",
            saved.display(),
            storage.url
        );
        assert_eq!((code, printed), (Some(0), expected));
        (before, after)
    });
    assert!(after > before, "somebody wrote meanwhile");
    let of_writer = count(&saved, "audit_events WHERE event = 'test'");
    assert!((i64::from(before)..=i64::from(after) + 1).contains(&of_writer));
    assert_eq!(count(&saved, CORRUPT), 0);
    assert_eq!(count(&saved, "users"), 1);
    assert_eq!(count(&saved, "sessions"), 0);
    assert_eq!(storage.sessions(), 1);
    assert_eq!(names(folder.path()), ["saved.db"]);
    let mode = std::fs::metadata(&saved).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn write_without_pause(storage: &Storage, written: &AtomicU32, is_over: &AtomicBool) {
    let mut connection = storage.connect();
    while !is_over.load(Ordering::SeqCst) {
        let id = written.load(Ordering::SeqCst);
        let event = format!(
            "INSERT INTO audit_events (id, occurred_at, event) VALUES ('w{id}', '2026-11-26 12:00:00', 'test')"
        );
        connection.batch_execute(&event).unwrap();
        written.fetch_add(1, Ordering::SeqCst);
    }
}

#[actix_web::test]
async fn no_file_is_overwritten_unless_that_is_said() {
    let stopped = Stopped::new().await;
    let saved = stopped.path("saved.db");
    std::fs::write(&saved, "precious").unwrap();
    let saved = saved.to_str().unwrap();
    let said = stopped.refuses(&["backup", saved]);
    let expected = format!("{saved} is there already. Name another file, or add --overwrite.\n");
    assert_eq!(said, expected);
    assert_eq!(std::fs::read(saved).unwrap(), b"precious");
    stopped.does(&["backup", "--overwrite", saved]);
    assert_eq!(count(Path::new(saved), "users"), 1);
    assert_eq!(stopped.names(), ["doorward.db", "saved.db"]);
}

#[actix_web::test]
async fn the_database_is_not_its_own_backup() {
    let stopped = Stopped::new().await;
    let database = stopped.database.to_str().unwrap();
    let link = stopped.path("link.db");
    std::os::unix::fs::symlink(database, &link).unwrap();
    let before = std::fs::read(database).unwrap();
    for file in [database, link.to_str().unwrap()] {
        let expected = format!("{file} is the database itself.\n");
        assert_eq!(stopped.refuses(&["backup", "--overwrite", file]), expected);
        assert_eq!(stopped.refuses(&["restore", file]), expected);
    }
    assert_eq!(std::fs::read(database).unwrap(), before);
}

/// Before an upgrade, the schema is that of the previous version.
#[actix_web::test]
async fn a_database_that_lacks_migrations_is_saved_and_restored() {
    let stopped = Stopped::new().await;
    execute(
        &stopped.database,
        "DROP TABLE sign_outs; DROP TABLE single_use;
         DELETE FROM __diesel_schema_migrations WHERE version >= '20261126000020'",
    );
    let saved = stopped.path("saved.db");
    let saved = saved.to_str().unwrap();
    stopped.does(&["backup", saved]);
    stopped.does(&["restore", saved]);
    assert_eq!(count(&stopped.database, "users"), 1);
}

#[actix_web::test]
async fn a_backup_that_fails_leaves_nothing_behind() {
    let stopped = Stopped::new().await;
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.db");
    let nowhere = folder.path().join("nowhere/saved.db");
    let said = stopped.refuses(&["backup", nowhere.to_str().unwrap()]);
    assert!(
        said.contains("saved.db can't be written: No such file"),
        "{said}"
    );
    for (content, cause) in [
        (
            &b"hello, this is no database, "[..],
            "file is not a database",
        ),
        (b"", "it is no database of Doorward's"),
    ] {
        std::fs::write(&stopped.database, content.repeat(100)).unwrap();
        let said = stopped.refuses(&["backup", saved.to_str().unwrap()]);
        assert!(said.contains(cause), "{said}");
    }
    std::fs::remove_file(&stopped.database).unwrap();
    let said = stopped.refuses(&["backup", saved.to_str().unwrap()]);
    assert!(said.contains("there is no such file"), "{said}");
    assert!(!stopped.database.exists());
    assert_eq!(names(folder.path()), [""; 0]);
}
