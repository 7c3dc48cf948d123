//! A connection to either database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;

use super::database_url::DatabaseUrl;
use super::postgres;
use super::postgres_url::PostgresUrl;
use super::sqlite::{self, MissingFile};
use super::sqlite_file::{OpenLog, SqliteFile};

/// A connection to either database; queries are written once.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// Production.
    Postgres(PgConnection),
    /// The embedded default.
    Sqlite(SqliteConnection),
}

/// How long each statement of a transaction waits for what another one has locked. SQLite waits for as long as the caller
/// has time, five seconds at most.
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

    /// Whether a query failed because of a lock of SQLite. Likewise.
    pub(crate) fn is_locked(&self, cause: &diesel::result::Error) -> bool {
        matches!(self, AnyConnection::Sqlite(_)) && cause.to_string().contains("database is locked")
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
    to: Database,
    missing_file: MissingFile,
    only_reads: bool,
}

#[derive(Clone)]
enum Database {
    Postgres(PostgresUrl),
    Sqlite(Arc<SqliteFile>),
}

impl Manager {
    pub fn new(url: DatabaseUrl, missing_file: MissingFile) -> Self {
        let to = match url {
            DatabaseUrl::Postgres(url) => Database::Postgres(url),
            DatabaseUrl::Sqlite(path) => Database::Sqlite(Arc::new(SqliteFile::new(path))),
        };
        Manager {
            to,
            missing_file,
            only_reads: false,
        }
    }

    /// Opens connections to the same SQLite file that only read.
    pub fn for_reading(&self) -> Option<Manager> {
        self.sqlite_file()?;
        Some(Manager {
            only_reads: true,
            ..self.clone()
        })
    }

    /// The SQLite file, if it is one.
    pub fn sqlite_file(&self) -> Option<&SqliteFile> {
        match &self.to {
            Database::Postgres(_) => None,
            Database::Sqlite(file) => Some(file),
        }
    }

    /// How many connections to have. SQLite allows one writer at a time.
    pub fn connections(&self) -> u32 {
        match self.to {
            Database::Postgres(_) => 10,
            Database::Sqlite(_) => 1,
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
    /// SQLite's log that it has open.
    pub log: OpenLog,
    /// How long SQLite waits for a lock.
    lock_wait: Duration,
}

impl Pooled {
    /// Makes each of SQLite's statements wait for a lock for at most `limit`, to the second.
    pub fn wait_for_locks(&mut self, limit: Duration) -> QueryResult<()> {
        let limit = Duration::from_secs(limit.as_secs_f64().round() as u64);
        match &mut self.connection {
            AnyConnection::Sqlite(sqlite) if limit != self.lock_wait => {
                sqlite::set_lock_wait(sqlite, limit)?;
                self.lock_wait = limit;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let mut log = OpenLog::default();
        let connection = match &self.to {
            Database::Postgres(url) => postgres::open(url).map(AnyConnection::Postgres),
            Database::Sqlite(file) => {
                // A file that was deleted meanwhile is not created again.
                let is_there = file.check().map_err(ConnectionError::BadConnection);
                let opened = is_there.and_then(|()| sqlite::open(file.path(), self.missing_file));
                opened.and_then(|mut sqlite| {
                    log = file.has_been_opened();
                    if self.only_reads {
                        sqlite::only_read(&mut sqlite)?;
                    }
                    Ok(AnyConnection::Sqlite(sqlite))
                })
            }
        };
        let connection = connection.map_err(diesel::r2d2::Error::ConnectionError)?;
        Ok(Pooled {
            connection,
            used_at: None,
            is_closed: false,
            log,
            lock_wait: sqlite::LOCK_WAIT,
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
