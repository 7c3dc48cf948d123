//! Which file SQLite has open. A process that has a file open keeps it when its name is deleted or given to another file:
//! SQLite would go on in a file that nobody finds any more, and all that it writes would be lost with the process.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock};

/// The device and the inode, which no two files share while one of them is open.
type Identity = (u64, u64);

/// An SQLite file, and which files its path and its log's path named when they were opened.
pub struct SqliteFile {
    path: PathBuf,
    /// The path of the write-ahead log.
    log_path: PathBuf,
    opened: OnceLock<Identity>,
    /// Of the write-ahead log, which SQLite deletes and makes anew if all connections are closed. Nothing if there is none.
    log: RwLock<Option<Identity>>,
}

impl SqliteFile {
    /// The file at `path`, not opened yet.
    pub fn new(path: PathBuf) -> SqliteFile {
        let mut log_path = OsString::from(&path);
        log_path.push("-wal");
        SqliteFile {
            path,
            log_path: log_path.into(),
            opened: OnceLock::new(),
            log: RwLock::default(),
        }
    }

    /// The path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection has just opened the file. The first one decides which file it must be from then on.
    pub fn has_been_opened(&self) {
        if let Ok(identity) = identity(&self.path) {
            self.opened.get_or_init(|| identity);
        }
        *self.log.write().unwrap_or_else(PoisonError::into_inner) = identity(&self.log_path).ok();
    }

    /// Whether the paths still name the files that are open: two calls of `stat`, some two microseconds. The error says
    /// what happened and what to do.
    pub fn check(&self) -> Result<(), String> {
        let Some(opened) = self.opened.get() else {
            return Ok(());
        };
        self.compare(&self.path, *opened, RESTORE)?;
        let log = *self.log.read().unwrap_or_else(PoisonError::into_inner);
        match log {
            Some(opened) => self.compare(&self.log_path, opened, RESTART),
            None => Ok(()),
        }
    }

    fn compare(&self, path: &Path, opened: Identity, advice: &str) -> Result<(), String> {
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
        file.has_been_opened();
        assert_eq!(file.check(), Ok(()));
        let told = |what: &str| {
            let said = file.check().unwrap_err();
            assert!(said.starts_with(folder.path().to_str().unwrap()), "{said}");
            assert!(said.contains(what), "{said}");
        };
        fs::rename(path("doorward.db"), path("moved.db")).unwrap();
        told("doorward.db was deleted while it is open");
        fs::rename(path("backup.db"), path("doorward.db")).unwrap();
        told("doorward.db was replaced by another file while it is open");
        fs::rename(path("moved.db"), path("doorward.db")).unwrap();
        assert_eq!(file.check(), Ok(()));
        fs::remove_file(path("doorward.db-wal")).unwrap();
        told("doorward.db-wal was deleted while it is open");
        // All connections were closed, and one was opened again.
        file.has_been_opened();
        assert_eq!(file.check(), Ok(()));
    }
}
