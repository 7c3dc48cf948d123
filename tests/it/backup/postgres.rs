//! On Postgres both commands name the lines that do it.

use std::path::Path;
use std::process::Command;

use crate::support::process::{DOORWARD, Process};
use crate::support::{Database, TestApp};

/// What a command says, which does nothing itself.
fn advice(url: &str, arguments: &[&str]) -> String {
    Process::start(DOORWARD, arguments, &[("DATABASE_URL", url)]).gives_up()
}

/// Runs the lines that begin with a tool's name.
fn follow(advice: &str, password: &str) {
    let lines = advice.lines().filter(|line| line.starts_with('p'));
    let lines: Vec<_> = lines.collect();
    assert!(!lines.is_empty(), "{advice}");
    for line in lines {
        let mut shell = Command::new("sh");
        let done = shell
            .args(["-c", line])
            .env("PGPASSWORD", password)
            .output()
            .unwrap();
        assert!(done.status.success(), "{line}: {done:?}");
    }
}

#[actix_web::test]
async fn the_lines_save_and_restore_people_and_no_session() {
    let app = TestApp::spawn_on(Database::Postgres);
    app.visitor().sign_in("ada").await;
    let storage = app.storage();
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("it's.dump");
    let dump = dump.to_str().unwrap();
    let parsed = url::Url::parse(&storage.url).unwrap();
    let password = parsed.password().unwrap();

    let save = advice(&storage.url, &["backup", dump]);
    assert!(
        save.starts_with("The database is Postgres, so nothing was written."),
        "{save}"
    );
    assert!(!Path::new(dump).exists());
    follow(&save, password);
    storage.execute("DELETE FROM sessions; UPDATE users SET name = 'Somebody else'");
    app.visitor().sign_in("noname").await;

    let restore = advice(&storage.url, &["restore", dump]);
    assert!(
        restore.starts_with("The database is Postgres, so nothing was restored."),
        "{restore}"
    );
    assert_eq!(storage.users(), 2);
    follow(&restore, password);
    assert_eq!((storage.users(), storage.sessions()), (1, 0));
    assert_eq!(
        storage.number("SELECT COUNT(*) AS n FROM users WHERE name = 'Somebody else'"),
        0
    );
    for advice in [save, restore] {
        assert!(!advice.contains(password));
    }
    assert_eq!(app.visitor().sign_in("ada").await.location(), "/profile");
}
