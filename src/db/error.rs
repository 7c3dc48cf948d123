//! What can go wrong with the database.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use diesel::result::DatabaseErrorKind::{
    ClosedConnection, ReadOnlyTransaction, UnableToSendCommand,
};
use diesel::result::Error::DatabaseError;

/// What went wrong with the database. Its text is for the log, never for a visitor.
#[derive(Debug)]
pub enum Error {
    /// No connection could be opened.
    Unavailable(String),
    /// All connections were in use for this long.
    NoFreeConnection(Duration),
    /// The database did not respond to a query for this long. Whether it ran the query is not known.
    NoResponse(Duration),
    /// Another process has had the write lock of this SQLite file for as long as the query could wait.
    Locked(PathBuf),
    /// The SQLite file is no longer the one that was opened: what happened, and what to do.
    FileReplaced(String),
    /// A query failed.
    Query(diesel::result::Error),
    /// The schema could not be brought up to date.
    Migration(String),
    /// Others held a lock that starting needs for this long; who, and what to do.
    StillLocked(Duration, String),
    /// The role may not read which migrations are applied; the statements that allow it.
    Forbidden(String),
    /// The Postgres database has this encoding, which can't hold every name.
    Encoding(String),
}

impl Error {
    pub(super) fn unavailable(cause: impl fmt::Display) -> Self {
        Error::Unavailable(cause.to_string())
    }

    pub(super) fn file_locked(waited: Duration) -> Self {
        let fix = "another process has the SQLite file locked. Wait until it is done, or end it, then \
                   start again: `fuser` and the file's name show which it is";
        Error::StillLocked(waited, fix.to_owned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unavailable(cause) => write!(f, "the database can't be reached: {cause}"),
            Error::NoFreeConnection(wait) => {
                write!(f, "no free database connection within {} s", wait.as_secs())
            }
            Error::NoResponse(wait) => {
                write!(
                    f,
                    "the database did not respond within {} s",
                    wait.as_secs()
                )
            }
            Error::Locked(file) => {
                let file = file.display();
                write!(
                    f,
                    "another process holds the write lock of {file} (`fuser {file}` lists those that have it open)"
                )
            }
            Error::FileReplaced(what) => f.write_str(what),
            Error::Query(cause) => write!(f, "a database query failed: {cause}"),
            Error::Migration(cause) => write!(f, "the migrations failed: {cause}"),
            Error::StillLocked(waited, fix) => {
                write!(f, "waited {} s in vain: {fix}", waited.as_secs())
            }
            Error::Forbidden(grant) => write!(
                f,
                "the database's role may not read which migrations are applied. As the owner of \
                 the tables, run: {grant};"
            ),
            Error::Encoding(encoding) => write!(
                f,
                "the database's encoding is {encoding}, which can't hold every name. An encoding \
                 can't be changed, so create a database with\n\
                 CREATE DATABASE doorward_utf8 TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';\n\
                 copy the data with `pg_dump OLD | psql doorward_utf8`, and set DATABASE_URL to it."
            ),
        }
    }
}

impl std::error::Error for Error {}

/// Whether a query failed because its connection is closed, or leads to a server that is read-only since a failover: a new
/// connection leads elsewhere.
pub(crate) fn is_closed(cause: &diesel::result::Error) -> bool {
    matches!(
        cause,
        DatabaseError(
            ClosedConnection | UnableToSendCommand | ReadOnlyTransaction,
            _
        )
    )
}
