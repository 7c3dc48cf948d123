//! Which file SQLite has open. A process that has a file open keeps it when its name is deleted or given to another file:
//! SQLite would go on in a file that nobody finds any more, and all that it writes would be lost with the process.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The device and the inode, which no two files share while one of them is open.
type Identity = (u64, u64);

/// An SQLite file, and which file its path named when it was opened.
pub struct SqliteFile {
    path: PathBuf,
    log_path: PathBuf,
    opened: OnceLock<Identity>,
    /// Whether the log was emptied since the file was replaced.
    is_log_empty: AtomicBool,
}

/// Which write-ahead log a connection has open, if any. SQLite deletes it with the last connection and makes it anew with the
/// next.
#[derive(Clone, Copy)]
pub struct OpenLog(Option<Identity>);

impl SqliteFile {
    /// The file at `path`, not opened yet.
    pub fn new(path: PathBuf) -> SqliteFile {
        let mut log_path = OsString::from(&path);
        log_path.push("-wal");
        SqliteFile {
            path,
            log_path: log_path.into(),
            opened: OnceLock::new(),
            is_log_empty: AtomicBool::new(false),
        }
    }

    /// The path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection has just opened the file and its log. The first one decides which file it must be from then on.
    pub fn has_been_opened(&self) -> OpenLog {
        if let Ok(identity) = identity(&self.path) {
            self.opened.get_or_init(|| identity);
        }
        OpenLog(identity(&self.log_path).ok())
    }

    /// Whether the path still names the file that is open: a call of `stat`, some microsecond. The error says what happened
    /// and what to do.
    pub fn check(&self) -> Result<(), String> {
        match self.opened.get() {
            Some(opened) => compare(&self.path, *opened, RESTORE),
            None => Ok(()),
        }
    }

    /// The same for a connection: it has the file open, and `log`. `empty_log` makes it copy what the log holds into the
    /// file that is open, and returns whether it did. It is called once after the file was replaced: SQLite would apply the
    /// log, which lies beside the path, to the file that was put there, and so corrupt it.
    pub fn check_open(&self, log: OpenLog, empty_log: impl FnOnce() -> bool) -> Result<(), String> {
        let checked = self.check().and_then(|()| match log.0 {
            Some(opened) => compare(&self.log_path, opened, RESTART),
            None => Ok(()),
        });
        let is_log_empty = self.is_log_empty.load(Relaxed);
        match checked {
            Ok(()) if is_log_empty => self.is_log_empty.store(false, Relaxed),
            Err(_) if !is_log_empty => self.is_log_empty.store(empty_log(), Relaxed),
            _ => (),
        }
        checked
    }
}

fn compare(path: &Path, opened: Identity, advice: &str) -> Result<(), String> {
    let what = match identity(path) {
        Ok(found) if found == opened => return Ok(()),
        Ok(_) => "was replaced by another file".to_owned(),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => "was deleted".to_owned(),
        Err(cause) => format!("can't be found ({cause})"),
    };
    let path = path.display();
    Err(format!(
        "{path} {what} while it is open, so nothing is written any more: {advice}"
    ))
}

const RESTORE: &str = "move the file back that was there, or stop Doorward, restore a backup with `doorward restore` and \
                       start Doorward again";

const RESTART: &str = "restart Doorward, which then writes to the database what that file held";

fn identity(path: &Path) -> io::Result<Identity> {
    std::fs::metadata(path).map(|it| (it.dev(), it.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::fs;

    #[test]
    fn each_way_to_lose_an_open_file_is_told_and_ends_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["doorward.db", "doorward.db-wal", "backup.db"] {
            fs::write(path(name), name).unwrap();
        }
        let file = SqliteFile::new(path("doorward.db"));
        assert_eq!(file.check(), Ok(()), "it is not opened yet");
        let log = file.has_been_opened();
        let emptied = Cell::new(0);
        let empty_log = || {
            emptied.set(emptied.get() + 1);
            true
        };
        let check = || file.check_open(log, empty_log);
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
        assert_eq!(file.check_open(file.has_been_opened(), empty_log), Ok(()));
        assert_eq!(emptied.get(), 2);
    }
}
