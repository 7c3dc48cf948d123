//! Whether a process has an SQLite file open.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::db::file_identity::{identity, is_foreign};
use crate::db::sqlite::{self, MissingFile};
use crate::db::sqlite_lock;
use crate::db::sqlite_users::{check_before_opening, user_of};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

/// What an SQLite file begins with, unless it is empty.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A database that nobody else has open.
pub enum Held {
    /// It is one complete file, which others can't open until this value goes.
    Complete(#[expect(dead_code, reason = "the connection holds the lock")] SqliteConnection),
    /// It is damaged, which may be why it is to be replaced.
    Damaged,
}

/// Takes a database from everybody else, and has its log written into it, so that it is one complete file.
///
/// # Errors
/// A sentence about who uses it.
pub fn hold(database: &Path) -> Result<Held, String> {
    let in_use = |by: &str| {
        format!(
            "{} is in use by {by}. Stop Doorward first, and whatever else has it open.",
            database.display()
        )
    };
    // Before SQLite opens it: closing a file gives up all locks of this process on it.
    let bad = |cause: io::Error| format!("{}: {cause}.", database.display());
    let mut file = File::options()
        .read(true)
        .write(true)
        .open(database)
        .map_err(bad)?;
    if let Some(by) = user_of(&file).map_err(bad)? {
        return Err(in_use(&by.name()));
    }
    let mut magic = Vec::new();
    (&mut file)
        .take(MAGIC.len() as u64)
        .read_to_end(&mut magic)
        .map_err(bad)?;
    drop(file);
    check_before_opening(database).map_err(|fault| format!("{fault}."))?;
    // SQLite would delete its log, of which something may be saved.
    if !magic.is_empty() && magic != MAGIC {
        return Ok(Held::Damaged);
    }
    let opened = identity(database).ok();
    let held = sqlite::open(database, MissingFile::Fail)
        .map_err(|cause| cause.to_string())
        .and_then(|mut connection| {
            // The journal in memory: SQLite deletes none by name when this closes, which could be another process's by then.
            let held = connection.batch_execute(
                "PRAGMA busy_timeout = 1000; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE;
                 PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; ROLLBACK",
            );
            held.map(|()| connection).map_err(|cause| cause.to_string())
        });
    match held {
        // It has waited for another `restore`, and has the former database.
        Ok(_) if is_foreign(database, opened) => Err(in_use("another process")),
        Ok(connection) => Ok(Held::Complete(connection)),
        Err(cause) if sqlite_lock::is_locked(&cause) => Err(in_use("another process")),
        Err(_) => Ok(Held::Damaged),
    }
}
