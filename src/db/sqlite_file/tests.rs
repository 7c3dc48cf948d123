use super::*;
use std::cell::Cell;
use std::fs;

fn opened(file: &Arc<SqliteFile>) -> OpenFile {
    file.open(|_| Ok(())).unwrap().1
}

#[test]
fn each_way_to_lose_an_open_file_is_told_and_ends_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["doorward.db", "doorward.db-wal", "backup.db"] {
        fs::write(path(name), name).unwrap();
    }
    let file = Arc::new(SqliteFile::new(path("doorward.db")));
    assert_eq!(file.check(), Ok(()), "it is not opened yet");
    let open = opened(&file);
    let emptied = Cell::new(0);
    let empty_log = || {
        emptied.set(emptied.get() + 1);
        true
    };
    let check = || open.check(empty_log);
    assert_eq!(check(), Ok(()));
    let told = |what: &str| {
        let said = check().unwrap_err();
        assert!(said.starts_with(folder.path().to_str().unwrap()), "{said}");
        assert!(said.contains(what), "{said}");
    };
    fs::rename(path("doorward.db"), path("moved.db")).unwrap();
    told("doorward.db was deleted while it is open");
    fs::rename(path("backup.db"), path("doorward.db")).unwrap();
    told("doorward.db was replaced by another file while it is open");
    fs::rename(path("moved.db"), path("doorward.db")).unwrap();
    assert_eq!(check(), Ok(()));
    assert_eq!(emptied.get(), 1);
    fs::remove_file(path("doorward.db-wal")).unwrap();
    told("doorward.db-wal was deleted while it is open");
    // All connections were closed, and one was opened again.
    assert_eq!(opened(&file).check(empty_log), Ok(()));
    assert_eq!(emptied.get(), 2);
}

#[test]
fn after_others_wrote_with_another_shared_memory_the_log_is_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["real.db", "real.db-wal", "real.db-shm"] {
        fs::write(path(name), name).unwrap();
    }
    // SQLite's other files lie beside the file, not beside a link.
    std::os::unix::fs::symlink(path("real.db"), path("link.db")).unwrap();
    let file = Arc::new(SqliteFile::new(path("link.db")));
    let open = opened(&file);
    let never = || panic!("nobody may empty it");
    fs::rename(path("real.db-shm"), path("held")).unwrap();
    assert_eq!(open.check(never), Ok(()), "nobody else is there yet");
    assert!(open.may_be_closed());
    let refused = file.open(|_| Ok(())).map(drop).unwrap_err();
    assert!(refused.contains("real.db-shm was deleted"), "{refused}");
    fs::write(path("real.db-shm"), "").unwrap();
    for said in [
        open.check(never).unwrap_err(),
        file.open(|_| Ok(())).map(drop).unwrap_err(),
    ] {
        assert!(said.contains("real.db-shm was replaced"), "{said}");
    }
    assert!(!open.may_be_closed());
    // Closed all the same: then it is all made anew.
    drop(open);
    assert_eq!(opened(&file).check(never), Ok(()));
}

/// `doorward restore` holds the lock until the new file is there.
#[test]
fn a_file_that_was_replaced_while_it_was_opened_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["doorward.db", "backup.db"] {
        fs::write(path(name), name).unwrap();
    }
    let file = Arc::new(SqliteFile::new(path("doorward.db")));
    let waited = file.open(|_| {
        fs::rename(path("backup.db"), path("doorward.db")).unwrap();
        Ok(())
    });
    let refused = waited.map(drop).unwrap_err();
    assert!(
        refused.contains("replaced while it was opened"),
        "{refused}"
    );
    assert_eq!(opened(&file).check(|| true), Ok(()));
}
