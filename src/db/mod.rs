//! People and their sessions in Postgres or SQLite, through Diesel.
//! Knows neither the web framework nor the protocol.

mod audit_events;
mod blocking;
mod connection;
mod directory;
mod migrations;
#[expect(missing_docs, reason = "the diesel CLI writes it")]
pub mod schema;
mod sessions;
mod users;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::r2d2::R2D2Connection;
use time::{OffsetDateTime, PrimitiveDateTime};

pub use audit_events::{AuditEvent, AuditFilter, Event, Person};
pub use blocking::end_sessions;
pub use connection::{AnyConnection, DatabaseUrl};
pub use directory::{Page, SessionEntry, Whom};
pub use sessions::{NewSession, Session};
pub use users::{NewUser, User};

use crate::metrics;
use crate::trace::Trace;
use connection::Manager;

/// How long a request waits for a free connection before it is told that the database is away.
const POOL_WAIT: Duration = Duration::from_secs(5);

/// A pool of connections to the one database. Clones share it.
#[derive(Clone)]
pub struct Db {
    manager: Manager,
    pool: Arc<RwLock<Pool>>,
}

type Pool = r2d2::Pool<Manager>;

impl Db {
    /// Makes the pool without connecting: the first query does.
    pub fn new(url: DatabaseUrl) -> Self {
        Db::by(Manager::new(url))
    }

    /// A database that must be there already: an SQLite file that is missing is not made.
    pub fn existing(url: DatabaseUrl) -> Self {
        Db::by(Manager::existing(url))
    }

    fn by(manager: Manager) -> Self {
        let pool = Arc::new(RwLock::new(new_pool(&manager)));
        Db { manager, pool }
    }

    fn pool(&self) -> Pool {
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner);
        pool.clone()
    }

    /// SQLite opens what it may not write for reading only, and stays so until the last connection
    /// of the process has gone: they all go, so that writing is found to be allowed again.
    fn start_afresh(&self) {
        *self.pool.write().unwrap_or_else(PoisonError::into_inner) = new_pool(&self.manager);
    }

    /// Runs `query` with a connection, away from the threads that answer requests.
    pub async fn run<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let db = self.clone();
        let trace = Trace::current();
        let began = Instant::now();
        let work = move || {
            let mut connection = db.pool().get().map_err(Error::unavailable)?;
            query(&mut connection).map_err(|cause| {
                if connection.is_read_only(&cause) {
                    db.start_afresh();
                }
                Error::Query(cause)
            })
        };
        let answer = match tokio::task::spawn_blocking(move || Trace::carry(trace, work)).await {
            Ok(result) => result,
            Err(stopped) => Err(Error::unavailable(stopped)),
        };
        metrics::database_query(began.elapsed(), answer.is_ok());
        answer
    }

    /// As [`Db::run`], on this thread: for commands, which may wait.
    pub fn run_here<T>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, Error> {
        let mut connection = self.pool().get().map_err(Error::unavailable)?;
        query(&mut connection).map_err(Error::Query)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.run(|connection| connection.ping()).await
    }

    /// Applies the migrations that are missing. Processes that start together take turns.
    pub fn migrate(&self) -> Result<(), Error> {
        let mut connection = self.pool().get().map_err(Error::unavailable)?;
        migrations::apply(&mut connection)
    }

    /// Whether Postgres takes no writes here: a standby, or a role that is set so.
    pub fn is_read_only(&self) -> Result<bool, Error> {
        self.run_here(connection::is_read_only)
    }

    /// The names of the migrations that are missing.
    pub fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        let mut connection = self.pool().get().map_err(Error::unavailable)?;
        migrations::pending(&mut connection)
    }
}

fn new_pool(manager: &Manager) -> Pool {
    r2d2::Pool::builder()
        .connection_timeout(POOL_WAIT)
        .min_idle(Some(0))
        .build_unchecked(manager.clone())
}

/// What went wrong with the database. Its text is for the log, never for a visitor.
#[derive(Debug)]
pub enum Error {
    /// No connection could be had.
    Unavailable(String),
    /// A query failed.
    Query(diesel::result::Error),
    /// The schema could not be brought up to date.
    Migration(String),
}

impl Error {
    fn unavailable(cause: impl fmt::Display) -> Self {
        Error::Unavailable(cause.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unavailable(cause) => write!(f, "the database can't be reached: {cause}"),
            Error::Query(cause) => write!(f, "a database query failed: {cause}"),
            Error::Migration(cause) => write!(f, "the migrations failed: {cause}"),
        }
    }
}

impl std::error::Error for Error {}

/// What both databases keep in a `TIMESTAMP`: UTC, in whole seconds so that both compare alike.
fn timestamp(at: OffsetDateTime) -> PrimitiveDateTime {
    let at = at.to_offset(time::UtcOffset::UTC);
    PrimitiveDateTime::new(at.date(), at.time().truncate_to_second())
}
