//! What is opened at start: the database, and the session key beside it.

use secrecy::SecretSlice;

use crate::db::{DatabaseUrl, Db};
use crate::server::{StartError, session_key_file};
use crate::settings::{Database, Settings};

/// The database, which must answer and have its migrations.
pub fn open_database(settings: &Database) -> Result<Db, StartError> {
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

/// `SESSION_KEY`, or the key beside the database.
pub fn session_key(settings: &Settings) -> Result<SecretSlice<u8>, StartError> {
    match (&settings.sessions.key, &settings.database.url) {
        (Some(key), _) => Ok(key.clone()),
        (None, DatabaseUrl::Sqlite(database)) => {
            session_key_file::read_or_make(database).map_err(StartError::SessionKey)
        }
        (None, DatabaseUrl::Postgres(_)) => {
            let cause = "DATABASE_URL is Postgres".to_owned();
            Err(StartError::SessionKey(cause))
        }
    }
}
