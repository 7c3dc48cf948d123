//! Opens the pool's connections, and what is known of each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;

use super::connection::AnyConnection;
use super::database_url::DatabaseUrl;
use super::postgres;
use super::postgres_url::PostgresUrl;
use super::sqlite::{self, MissingFile};
use super::sqlite_file::{OpenFile, SqliteFile};
use super::sqlite_users;

/// How long one try of opening an SQLite file waits for whoever has it for themselves. r2d2 tries again, and knows the cause
/// by the time its caller stops waiting.
const OPENING_WAIT: Duration = Duration::from_secs(1);

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

    fn open_sqlite(&self, file: &SqliteFile, is_first: bool) -> Result<SqliteConnection, String> {
        if is_first {
            sqlite_users::check_before_opening(file.path())?;
        }
        let opened = sqlite::open_within(OPENING_WAIT, file.path(), self.missing_file);
        let opened = opened.and_then(|mut sqlite| {
            if self.only_reads {
                sqlite::only_read(&mut sqlite)?;
            }
            Ok(sqlite)
        });
        opened.map_err(|cause| cause.to_string())
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
    /// What this connection has open of an SQLite file, if it is one.
    file: Option<OpenFile>,
    /// How long SQLite waits for a lock.
    lock_wait: Duration,
}

impl Pooled {
    /// Whether the paths of the SQLite file and of its log still name what this connection has open.
    pub fn check_file(&mut self) -> Result<(), String> {
        match (&self.file, &mut self.connection) {
            (Some(file), AnyConnection::Sqlite(sqlite)) => {
                file.check(|| sqlite::empty_log(sqlite).unwrap_or(false))
            }
            _ => Ok(()),
        }
    }

    /// Whether another try of a write may succeed that failed with `cause`: the disk is full, and the log took up some of
    /// it. From then on the log is kept small, or it would take what room there is before the database can grow.
    pub fn makes_room_after(&mut self, cause: &diesel::result::Error) -> bool {
        let is_full = self.connection.is_full(cause);
        match &mut self.connection {
            AnyConnection::Sqlite(sqlite) if is_full => {
                self.lock_wait = Duration::from_millis(500);
                sqlite::set_lock_wait(sqlite, self.lock_wait)
                    .and_then(|()| sqlite::keep_log_small(sqlite))
                    .and_then(|()| sqlite::empty_log(sqlite))
                    .unwrap_or(false)
            }
            _ => false,
        }
    }

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

impl Pooled {
    /// The process has the file open until it ends. Nothing is written to it meanwhile.
    fn leave_open(&mut self) {
        let Ok(other) = SqliteConnection::establish(":memory:") else {
            return;
        };
        let other = AnyConnection::Sqlite(other);
        std::mem::forget(std::mem::replace(&mut self.connection, other));
        std::mem::forget(self.file.take());
    }
}

/// The process may end before anybody has noticed that the file was replaced.
impl Drop for Pooled {
    fn drop(&mut self) {
        let _ = self.check_file();
        if self.file.as_ref().is_some_and(|file| !file.may_be_closed()) {
            self.leave_open();
        }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let mut open_file = None;
        let connection = match &self.to {
            Database::Postgres(url) => postgres::open(url).map(AnyConnection::Postgres),
            Database::Sqlite(file) => {
                let opened = file.open(|is_first| self.open_sqlite(file, is_first));
                opened
                    .map_err(ConnectionError::BadConnection)
                    .map(|(sqlite, file)| {
                        open_file = Some(file);
                        AnyConnection::Sqlite(sqlite)
                    })
            }
        };
        let connection = connection.map_err(diesel::r2d2::Error::ConnectionError)?;
        Ok(Pooled {
            connection,
            used_at: None,
            is_closed: false,
            file: open_file,
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
