//! What is opened at start: the database, and the session key beside it.

use std::time::Duration;

use secrecy::SecretSlice;

use crate::clock::Clock;
use crate::db::{DatabaseUrl, Db, SessionEntry, wait_until_readable};
use crate::server::{StartError, session_key_file, start_warnings};
use crate::settings::{Database, Settings};

/// How long a start waits for other processes that migrate or hold a lock.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// Opens the database, and gets the session key: `SESSION_KEY`, or the key beside the database. Returns the database's
/// clock too, which is `clock` on SQLite.
///
/// A key that is there is read first, because a start that fails on it must not have migrated the database. One that is
/// not there is made last: a start that fails leaves no key behind.
pub fn open(
    settings: &Settings,
    clock: &Clock,
) -> Result<(Db, Clock, SecretSlice<u8>), StartError> {
    let key = existing_key(settings)?;
    let db = open_database(&settings.database)?;
    let clock = match db.read_clock_blocking().map_err(StartError::Database)? {
        Some(reading) => clock.following(reading),
        None => clock.clone(),
    };
    let key = match (key, &settings.database.url) {
        (Some(key), _) => key,
        (None, DatabaseUrl::Sqlite(database)) => {
            let has_sessions = db.run_blocking(SessionEntry::any);
            if has_sessions.map_err(StartError::Database)? {
                start_warnings::about_lost_key(&session_key_file::path(database));
            }
            session_key_file::read_or_make(database).map_err(StartError::SessionKey)?
        }
        (None, DatabaseUrl::Postgres(_)) => {
            let cause = "DATABASE_URL is Postgres".to_owned();
            return Err(StartError::SessionKey(cause));
        }
    };
    Ok((db, clock, key))
}

fn existing_key(settings: &Settings) -> Result<Option<SecretSlice<u8>>, StartError> {
    match (&settings.sessions.key, &settings.database.url) {
        (None, DatabaseUrl::Sqlite(database)) => {
            session_key_file::read_if_there(database).map_err(StartError::SessionKey)
        }
        (key, _) => Ok(key.clone()),
    }
}

/// The database, which must answer and have its migrations.
fn open_database(settings: &Database) -> Result<Db, StartError> {
    wait_until_readable(&settings.url, LOCK_WAIT).map_err(StartError::Database)?;
    let db = Db::new(settings.url.clone());
    db.start_threads().map_err(StartError::Threads)?;
    db.check_encoding().map_err(StartError::Database)?;
    if settings.auto_migrate {
        db.migrate(LOCK_WAIT).map_err(StartError::Database)?;
    } else {
        let pending = db.pending_migrations().map_err(StartError::Database)?;
        if !pending.is_empty() {
            return Err(StartError::PendingMigrations(pending));
        }
    }
    start_warnings::about_writing(&settings.url, db.is_read_only());
    Ok(db)
}
