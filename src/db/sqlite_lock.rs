//! The lock of an SQLite file, which one process at a time holds while it writes.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::sqlite::{self, MissingFile};
use super::{DatabaseUrl, Error, sqlite_users};

/// Runs `work`, whose statements wait for the lock for as long as `wait`, and later ones again as long as usual.
pub fn with_wait<T>(
    connection: &mut SqliteConnection,
    wait: Duration,
    work: impl FnOnce(&mut SqliteConnection) -> T,
) -> QueryResult<T> {
    sqlite::set_lock_wait(connection, wait)?;
    let outcome = work(connection);
    sqlite::set_lock_wait(connection, sqlite::LOCK_WAIT)?;
    Ok(outcome)
}

/// Whether the lock did not become free in time. Diesel has no kind for it, only SQLite's text, which is in English
/// everywhere.
pub fn is_locked(cause: &str) -> bool {
    cause.contains("database is locked")
}

/// Waits while another process has an SQLite file for itself, so that it can't even be read. What else is wrong is for the
/// pool to report.
///
/// # Errors
/// [`Error::StillLocked`] after waiting for `patience`.
pub fn wait_until_readable(url: &DatabaseUrl, patience: Duration) -> Result<(), Error> {
    let DatabaseUrl::Sqlite(path) = url else {
        return Ok(());
    };
    let deadline = Instant::now() + patience;
    let mut is_told = false;
    while read(path).is_err_and(|cause| is_locked(&cause)) {
        if Instant::now() >= deadline {
            return Err(Error::file_locked(patience));
        }
        if !std::mem::replace(&mut is_told, true) {
            log::warn!(
                "waiting for another process that has the SQLite file for itself, {} s at most",
                patience.as_secs()
            );
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<(), String> {
    sqlite_users::check_before_opening(path)?;
    let mut sqlite = sqlite::open(path, MissingFile::Fail).map_err(|cause| cause.to_string())?;
    let read = sqlite.batch_execute("SELECT COUNT(*) FROM sqlite_master");
    read.map_err(|cause| cause.to_string())
}
