//! A connection to either database.

use std::path::Path;
use std::time::Instant;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::database_url::DatabaseUrl;
use super::postgres_url::{MALFORMED, PostgresUrl};

/// A connection to either database; queries are written once.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// Production.
    Postgres(PgConnection),
    /// The embedded default.
    Sqlite(SqliteConnection),
}

/// How long each statement of a transaction waits for what another one has locked. On SQLite, always five seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockWait {
    /// As long as it takes.
    Unlimited,
    /// Two seconds: so there is time for another try before whoever waits gets an error.
    Short,
}

impl AnyConnection {
    /// Whether a query failed because SQLite may only read. Diesel has no kind for it, only text.
    pub fn is_read_only(&self, cause: &diesel::result::Error) -> bool {
        matches!(self, AnyConnection::Sqlite(_)) && cause.to_string().contains("readonly database")
    }

    /// Runs `work` in a transaction that may write from its first statement on. SQLite would otherwise refuse the first
    /// write of a transaction that has read what another process changed meanwhile.
    pub(crate) fn write_transaction<T>(
        &mut self,
        lock_wait: LockWait,
        work: impl FnOnce(&mut AnyConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        type Manager = <AnyConnection as Connection>::TransactionManager;
        match self {
            AnyConnection::Postgres(postgres) => {
                let begin = match lock_wait {
                    LockWait::Unlimited => "BEGIN",
                    // One round trip.
                    LockWait::Short => "BEGIN; SET LOCAL lock_timeout = 2000",
                };
                AnsiTransactionManager::begin_transaction_sql(postgres, begin)?;
            }
            AnyConnection::Sqlite(sqlite) => {
                AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
            }
        }
        match work(self) {
            Ok(outcome) => Manager::commit_transaction(self).map(|()| outcome),
            Err(cause) => match Manager::rollback_transaction(self) {
                Ok(()) | Err(diesel::result::Error::BrokenTransactionManager) => Err(cause),
                Err(rollback) => Err(rollback),
            },
        }
    }
}

/// Opens and checks the pool's connections. Diesel's own manager would try every backend in turn.
#[derive(Clone)]
pub struct Manager {
    url: DatabaseUrl,
    missing_file: MissingFile,
}

/// What to do if the SQLite file does not exist.
#[derive(Clone, Copy)]
enum MissingFile {
    Create,
    Fail,
}

impl Manager {
    pub fn new(url: DatabaseUrl) -> Self {
        let missing_file = MissingFile::Create;
        Manager { url, missing_file }
    }

    pub fn existing(url: DatabaseUrl) -> Self {
        let missing_file = MissingFile::Fail;
        Manager { url, missing_file }
    }

    /// How many connections to have. SQLite allows one writer at a time, and each write empties the caches of the other
    /// connections: a single one is faster.
    pub fn connections(&self) -> u32 {
        match self.url {
            DatabaseUrl::Postgres(_) => 10,
            DatabaseUrl::Sqlite(_) => 1,
        }
    }
}

/// A connection of the pool.
pub struct Pooled {
    pub connection: AnyConnection,
    /// When it last responded, if it has.
    pub used_at: Option<Instant>,
    /// Whether the database has closed it.
    pub is_closed: bool,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let connection = match &self.url {
            DatabaseUrl::Postgres(url) => open_postgres(url).map(AnyConnection::Postgres),
            DatabaseUrl::Sqlite(path) => match self.missing_file {
                MissingFile::Create => open_sqlite(path),
                MissingFile::Fail => open_existing_sqlite(path),
            }
            .map(AnyConnection::Sqlite),
        };
        let connection = connection.map_err(diesel::r2d2::Error::ConnectionError)?;
        Ok(Pooled {
            connection,
            used_at: None,
            is_closed: false,
        })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        let responded = pooled.connection.ping();
        responded.map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.is_closed || pooled.connection.is_broken()
    }
}

/// libpq's message about an ambiguous URL may contain a piece of the password, so it is not passed on.
fn open_postgres(url: &PostgresUrl) -> ConnectionResult<PgConnection> {
    PgConnection::establish(&url.for_libpq).map_err(|cause| match url.is_tidy {
        true => cause,
        false => ConnectionError::BadConnection(format!("the URL {MALFORMED}")),
    })
}

fn open_sqlite(path: &Path) -> ConnectionResult<SqliteConnection> {
    let bad =
        |cause: String| ConnectionError::BadConnection(format!("{}: {cause}", path.display()));
    create_private(path).map_err(|cause| bad(cause.to_string()))?;
    let name = path
        .to_str()
        .ok_or_else(|| bad("not a UTF-8 path".to_owned()))?;
    let mut connection = SqliteConnection::establish(name)?;
    // The timeout comes first: switching to WAL needs a lock that another process may hold. Each commit waits for the disk
    // (FULL), or a power cut could undo a sign-out that was confirmed. A checkpoint copies every page that has changed since
    // the last one. At 16 MiB of log there is one a quarter as often as by default.
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 5000;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 4000;",
        )
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Whether Postgres would open the next transaction read-only. SQLite finds out when it writes.
pub fn is_read_only(connection: &mut AnyConnection) -> QueryResult<bool> {
    match connection {
        AnyConnection::Postgres(postgres) => {
            let setting = diesel::dsl::sql::<diesel::sql_types::Text>(
                "current_setting('transaction_read_only')",
            );
            let setting: String = diesel::select(setting).get_result(postgres)?;
            Ok(setting == "on")
        }
        AnyConnection::Sqlite(_) => Ok(false),
    }
}

/// Changes nothing about the file, not even its journal mode.
fn open_existing_sqlite(path: &Path) -> ConnectionResult<SqliteConnection> {
    let bad = |cause: &str| ConnectionError::BadConnection(format!("{}: {cause}", path.display()));
    match path.try_exists() {
        Ok(true) => (),
        Ok(false) => return Err(bad("there is no such file")),
        Err(cause) => return Err(bad(&cause.to_string())),
    }
    let name = path.to_str().ok_or_else(|| bad("not a UTF-8 path"))?;
    // As a URI, so that it is not created even if it was removed a moment ago.
    let name = utf8_percent_encode(name, NOT_IN_A_URI_PATH);
    let mut connection = SqliteConnection::establish(&format!("file:{name}?mode=rw"))
        .map_err(|cause| bad(&cause.to_string()))?;
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// The characters that would end the path of a URI.
const NOT_IN_A_URI_PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// The file holds people's names and email addresses, so only its owner may read it. SQLite gives `-wal` and `-shm` the same
/// mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    // `exists` follows a link.
    if path.exists() {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::dsl::sql;
    use diesel::sql_types::Integer;

    /// A commit that was confirmed survives a power cut: each commit waits for the disk.
    #[test]
    fn sqlite_is_sure_of_what_it_has_committed() {
        let folder = std::env::temp_dir().join(format!("doorward-{}", crate::random::id()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("doorward.db");
        let full = 2;
        for open in [open_sqlite, open_existing_sqlite] {
            let mut connection = open(&file).unwrap();
            let synchronous = sql::<Integer>("SELECT synchronous FROM pragma_synchronous");
            assert_eq!(synchronous.get_result(&mut connection), Ok(full));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
