//! Which file SQLite has open. A process that has a file open keeps it when its name is deleted or given to another file:
//! SQLite would go on in a file that nobody finds any more, and all that it writes would be lost with the process.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::file_identity::{Identity, beside, identity, is_foreign};

/// An SQLite file, and which file its path named when it was opened.
pub struct SqliteFile {
    path: PathBuf,
    opened: OnceLock<Opened>,
    /// Held while the first connection is opened.
    first: Mutex<()>,
    connections: Mutex<Connections>,
    /// Whether the log was emptied since the file was replaced.
    is_log_empty: AtomicBool,
    /// Whether the log of this process has a line about shared memory that was deleted.
    is_deletion_logged: AtomicBool,
}

/// What the first connection found.
struct Opened {
    identity: Identity,
    log: PathBuf,
    shared_memory: PathBuf,
}

/// The open connections of this process. SQLite has one shared memory for all of them, until the last is closed.
#[derive(Default)]
struct Connections {
    count: usize,
    shared_memory: Option<Identity>,
}

/// Which write-ahead log and shared memory a connection has open, if any. SQLite deletes both with the last connection and
/// makes them anew with the next. This must be dropped after the connection.
pub struct OpenFile {
    file: Arc<SqliteFile>,
    log: Option<Identity>,
    shared_memory: Option<Identity>,
}

impl SqliteFile {
    /// The file at `path`, not opened yet.
    pub fn new(path: PathBuf) -> SqliteFile {
        SqliteFile {
            path,
            opened: OnceLock::new(),
            first: Mutex::default(),
            connections: Mutex::default(),
            is_log_empty: AtomicBool::new(false),
            is_deletion_logged: AtomicBool::new(false),
        }
    }

    /// The path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a connection with `open`, which is told whether it is the first one ever: that one is opened alone, and decides
    /// which file it must be from then on.
    ///
    /// # Errors
    /// Of `open`, or the path does not name that file or its shared memory any more.
    pub fn open<T>(
        self: &Arc<Self>,
        open: impl FnOnce(bool) -> Result<T, String>,
    ) -> Result<(T, OpenFile), String> {
        // A file that was deleted meanwhile is not created again.
        self.check()?;
        self.check_shared_memory()?;
        let is_unopened = || self.opened.get().is_none();
        let alone = is_unopened().then(|| self.first.lock());
        let before = identity(&self.path).ok();
        let connection = open(is_unopened())?;
        // It may have waited for the lock of a file that was replaced meanwhile, and have that one open.
        if is_foreign(&self.path, before) {
            return Err(format!(
                "{} was replaced while it was opened",
                self.path.display()
            ));
        }
        self.remember();
        drop(alone);
        // The last connection may have been closed in between.
        self.check_shared_memory()?;
        let opened = self.opened.get();
        let found = |path: fn(&Opened) -> &PathBuf| identity(path(opened?)).ok();
        let mut connections = self.connections();
        if connections.count == 0 {
            connections.shared_memory = found(|it| &it.shared_memory);
        }
        connections.count += 1;
        let file = OpenFile {
            file: self.clone(),
            log: found(|it| &it.log),
            shared_memory: connections.shared_memory,
        };
        Ok((connection, file))
    }

    fn remember(&self) {
        if let Ok(identity) = identity(&self.path) {
            self.opened.get_or_init(|| Opened {
                identity,
                log: beside(&self.path, "-wal"),
                shared_memory: beside(&self.path, "-shm"),
            });
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a new connection, which gets the shared memory of those that are open, would share it with other processes.
    fn check_shared_memory(&self) -> Result<(), String> {
        let shared_memory = self.connections().shared_memory;
        match (self.opened.get(), shared_memory) {
            (Some(opened), Some(shared_memory)) => {
                compare(&opened.shared_memory, shared_memory, RESTART)
            }
            _ => Ok(()),
        }
    }

    /// Whether the path still names the file that is open: a call of `stat`, some microsecond. The error says what happened
    /// and what to do.
    pub fn check(&self) -> Result<(), String> {
        match self.opened.get() {
            Some(opened) => compare(&self.path, opened.identity, RESTORE),
            None => Ok(()),
        }
    }
}

impl OpenFile {
    /// Whether the file is still the one at its path, and so are its log and its shared memory. `empty_log` makes the
    /// connection copy what the log holds into the file that is open, and returns whether it did. It is called once after
    /// the file was replaced: SQLite would apply the log, which lies beside the path, to the file that was put there, and so
    /// corrupt it.
    pub fn check(&self, empty_log: impl FnOnce() -> bool) -> Result<(), String> {
        let file = &self.file;
        let checked = file.check().and_then(|()| self.check_companions());
        let is_log_empty = file.is_log_empty.load(Relaxed);
        match checked {
            Ok(()) if is_log_empty => file.is_log_empty.store(false, Relaxed),
            // What this connection knows of the log is not all, if others have written with another shared memory.
            Err(_) if !is_log_empty && !self.is_shared_memory_foreign() => {
                file.is_log_empty.store(empty_log(), Relaxed);
            }
            _ => (),
        }
        checked
    }

    fn check_companions(&self) -> Result<(), String> {
        let Some(opened) = self.file.opened.get() else {
            return Ok(());
        };
        if let Some(log) = self.log {
            compare(&opened.log, log, RESTART)?;
        }
        let Some(shared_memory) = self.shared_memory else {
            return Ok(());
        };
        match identity(&opened.shared_memory) {
            Ok(found) if found == shared_memory => Ok(()),
            // Nobody else has the database open by now: see `sqlite_users.rs`. Who comes makes it anew.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                if !self.file.is_deletion_logged.swap(true, Relaxed) {
                    log::warn!(
                        "{} was deleted while it is open: restart Doorward. Until then, commands such as `doorward users` \
                         are refused",
                        opened.shared_memory.display()
                    );
                }
                Ok(())
            }
            _ => compare(&opened.shared_memory, shared_memory, RESTART),
        }
    }

    fn is_shared_memory_foreign(&self) -> bool {
        let opened = self.file.opened.get();
        opened.is_some_and(|opened| is_foreign(&opened.shared_memory, self.shared_memory))
    }

    /// Whether closing is safe. It deletes the log, to which another process may have written with other files.
    pub fn may_be_closed(&self) -> bool {
        let opened = self.file.opened.get();
        let is_foreign = |opened: &Opened| {
            is_foreign(&opened.log, self.log)
                || is_foreign(&opened.shared_memory, self.shared_memory)
        };
        !opened.is_some_and(is_foreign)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let mut connections = self.file.connections();
        connections.count -= 1;
        if connections.count == 0 {
            connections.shared_memory = None;
        }
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

const RESTART: &str = "restart Doorward, which then writes to the database what is not there yet";

#[cfg(test)]
mod tests;
