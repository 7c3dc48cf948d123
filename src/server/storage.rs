//! What is opened at start: the database, and the session key beside it.

use secrecy::SecretSlice;

use crate::db::{DatabaseUrl, Db};
use crate::server::{StartError, session_key_file};
use crate::settings::{Database, Settings};

/// Opens the database, and gets the session key: `SESSION_KEY`, or the key beside the database.
///
/// A key that is there is read first, because a start that fails on it must not have migrated the database. One that is
/// not there is made last: a start that fails leaves no key behind.
pub fn open(settings: &Settings) -> Result<(Db, SecretSlice<u8>), StartError> {
    let key = existing_key(settings)?;
    let db = open_database(&settings.database)?;
    let key = match (key, &settings.database.url) {
        (Some(key), _) => key,
        (None, DatabaseUrl::Sqlite(database)) => {
            session_key_file::read_or_make(database).map_err(StartError::SessionKey)?
        }
        (None, DatabaseUrl::Postgres(_)) => {
            let cause = "DATABASE_URL is Postgres".to_owned();
            return Err(StartError::SessionKey(cause));
        }
    };
    Ok((db, key))
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
    let db = Db::new(settings.url.clone());
    if settings.auto_migrate {
        db.migrate().map_err(StartError::Database)?;
        return Ok(db);
    }
    match db.pending_migrations().map_err(StartError::Database)? {
        none if none.is_empty() => Ok(db),
        pending => Err(StartError::PendingMigrations(pending)),
    }
}
