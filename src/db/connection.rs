//! A connection to either database.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;

use super::sqlite_lock::is_locked;

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
    /// As long as the connection lets it: four seconds, unless `DATABASE_URL` says otherwise.
    OfConnection,
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
        matches!(self, AnyConnection::Sqlite(_)) && is_locked(&cause.to_string())
    }

    /// Whether a query failed because SQLite could not write to the disk: it is full, or a quota is used up. Likewise.
    pub fn is_full(&self, cause: &diesel::result::Error) -> bool {
        let texts = ["database or disk is full", "disk I/O error"];
        matches!(self, AnyConnection::Sqlite(_))
            && texts.iter().any(|text| cause.to_string().contains(text))
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
                    LockWait::OfConnection => "BEGIN",
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
            Err(cause) => {
                // It fails where the database has rolled back by itself, as SQLite does on a full disk, and where the
                // connection is closed. The pool then drops the connection; the cause is what the log needs.
                let _ = Manager::rollback_transaction(self);
                Err(cause)
            }
        }
    }
}
