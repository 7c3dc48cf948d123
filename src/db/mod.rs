//! People and their sessions in Postgres or SQLite, through Diesel.
//! Knows neither the web framework nor the protocol.

mod admin_queries;
mod audit_events;
mod connection;
mod database_url;
mod locking;
mod migrations;
mod postgres_url;
#[expect(missing_docs, reason = "the diesel CLI writes it")]
pub mod schema;
mod sessions;
mod sign_outs;
pub mod single_use;
mod users;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::r2d2::R2D2Connection;
use time::{OffsetDateTime, PrimitiveDateTime};

pub use admin_queries::{Page, SessionEntry, Whom};
pub use audit_events::{AuditEvent, AuditFilter, Event, Person};
pub use connection::AnyConnection;
pub use database_url::DatabaseUrl;
pub use sessions::{DeletedSession, NewSession, Session};
pub use sign_outs::SignOut;
pub use single_use::{Kind, SingleUse};
pub use users::{NewUser, User};

use crate::observe::metrics;
use crate::observe::request_id::RequestContext;
use connection::{Manager, Pooled};

/// How long a request waits for a free connection before it is told that the database is away.
const POOL_WAIT: Duration = Duration::from_secs(5);

/// How long a request waits in all until it is told so: a database that takes a query and never answers, as a frozen
/// machine does, holds nobody for longer. Whether what was asked is done is then not known.
const ANSWER_WAIT: Duration = Duration::from_secs(6);

/// A connection that answered so recently is not tested again before it is used.
const TEST_AFTER: Duration = Duration::from_secs(1);

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

    /// How many queries can run at once.
    pub fn connections(&self) -> u32 {
        self.manager.connections()
    }

    /// Runs `query` with a connection, away from the threads that answer requests.
    pub async fn run<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let db = self.clone();
        away(move |deadline| {
            let mut pooled = db.tested_connection(deadline)?;
            db.query(&mut pooled, query)
        })
        .await
    }

    /// As [`Db::run`], for what only reads: it may be asked again on another connection, so none is
    /// tested before, and it is one round trip.
    pub async fn read<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let db = self.clone();
        away(move |deadline| {
            // After a restart of the database each idle connection is found to be closed once.
            for _ in 0..db.connections() {
                let mut pooled = db.connection(deadline)?;
                match db.query(&mut pooled, &query) {
                    Err(_) if pooled.is_closed => (),
                    answered => return answered,
                }
            }
            let mut pooled = db.tested_connection(deadline)?;
            db.query(&mut pooled, &query)
        })
        .await
    }

    fn query<T>(
        &self,
        pooled: &mut Pooled,
        query: impl FnOnce(&mut AnyConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, Error> {
        let answered = query(&mut pooled.connection);
        pooled.used_at = Some(Instant::now());
        answered.map_err(|cause| {
            pooled.is_closed = is_closed(&cause);
            if pooled.connection.is_read_only(&cause) {
                self.start_afresh();
            }
            Error::Query(cause)
        })
    }

    fn connection(&self, deadline: Instant) -> Result<r2d2::PooledConnection<Manager>, Error> {
        // Whoever waited all the time for a thread is told so without another wait.
        let left = deadline.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(Error::unavailable("too many wait for it")),
            false => self.pool().get_timeout(left).map_err(Error::unavailable),
        }
    }

    /// A connection that answers, or did just now.
    fn tested_connection(
        &self,
        deadline: Instant,
    ) -> Result<r2d2::PooledConnection<Manager>, Error> {
        loop {
            let mut pooled = self.connection(deadline)?;
            let just_now = |used_at: Instant| used_at.elapsed() < TEST_AFTER;
            if pooled.used_at.is_some_and(just_now) {
                return Ok(pooled);
            }
            match pooled.connection.ping() {
                Ok(()) => return Ok(pooled),
                Err(cause) if pooled.used_at.is_none() => return Err(Error::unavailable(cause)),
                // It was closed meanwhile: another will do.
                Err(_) => pooled.is_closed = true,
            }
        }
    }

    /// As [`Db::run`], on this thread: for commands, which may wait.
    pub fn run_here<T>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, Error> {
        self.query(&mut *self.tested_connection(in_time())?, query)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.read(|connection| connection.ping()).await
    }

    /// Applies the migrations that are missing. Processes that start together take turns.
    pub fn migrate(&self) -> Result<(), Error> {
        migrations::apply(&mut self.tested_connection(in_time())?.connection)
    }

    /// Whether Postgres takes no writes here: a standby, or a role that is set so.
    pub fn is_read_only(&self) -> Result<bool, Error> {
        self.run_here(connection::is_read_only)
    }

    /// The names of the migrations that are missing.
    pub fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        migrations::pending(&mut self.tested_connection(in_time())?.connection)
    }
}

/// When a request has waited long enough.
fn in_time() -> Instant {
    Instant::now() + POOL_WAIT
}

/// Does `work` on a thread that may block. Its deadline counts from now, however long it takes until a thread is free.
async fn away<T: Send + 'static>(
    work: impl FnOnce(Instant) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (context, began, deadline) = (RequestContext::current(), Instant::now(), in_time());
    let work = move || RequestContext::scope_sync(context, || work(deadline));
    let done = tokio::time::timeout(ANSWER_WAIT, tokio::task::spawn_blocking(work)).await;
    let answer = match done {
        Ok(done) => done.unwrap_or_else(|stopped| Err(Error::unavailable(stopped))),
        Err(_) => Err(Error::unavailable("it does not answer a query")),
    };
    metrics::database_query(began.elapsed(), answer.is_ok());
    answer
}

/// Whether a query failed because its connection is gone, or leads where nothing is written any more: after a failover,
/// a new one leads elsewhere.
fn is_closed(cause: &diesel::result::Error) -> bool {
    use diesel::result::DatabaseErrorKind::{
        ClosedConnection, ReadOnlyTransaction, UnableToSendCommand,
    };
    use diesel::result::Error::DatabaseError;
    matches!(
        cause,
        DatabaseError(
            ClosedConnection | UnableToSendCommand | ReadOnlyTransaction,
            _
        )
    )
}

fn new_pool(manager: &Manager) -> Pool {
    r2d2::Pool::builder()
        .connection_timeout(POOL_WAIT)
        .max_size(manager.connections())
        .min_idle(Some(0))
        // A round trip for each request; see `Db::tested_connection`.
        .test_on_check_out(false)
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
pub(crate) fn timestamp(at: OffsetDateTime) -> PrimitiveDateTime {
    let at = at.to_offset(time::UtcOffset::UTC);
    PrimitiveDateTime::new(at.date(), at.time().truncate_to_second())
}
