//! The pool of connections, and how a query gets one.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::r2d2::R2D2Connection;

use super::connection::{self, AnyConnection, Manager, Pooled};
use super::deadline::{Deadline, Patience, on_own_thread};
use super::error::{Error, is_closed};
use super::sqlite::MissingFile;
use super::{DatabaseUrl, migrations};
use crate::observe::metrics;
use crate::observe::request_id::RequestContext;

/// A connection that has responded within this time is not tested again before it is used.
const TEST_AFTER: Duration = Duration::from_secs(1);

/// A pool of connections to the database. Clones share it.
#[derive(Clone)]
pub struct Db {
    manager: Manager,
    pool: Arc<RwLock<Pool>>,
}

type Pool = r2d2::Pool<Manager>;

impl Db {
    /// Creates the pool. The first query connects.
    pub fn new(url: DatabaseUrl) -> Self {
        Db::of(Manager::new(url, MissingFile::Create))
    }

    /// A database that must exist already: a missing SQLite file is an error.
    pub fn existing(url: DatabaseUrl) -> Self {
        Db::of(Manager::new(url, MissingFile::Fail))
    }

    fn of(manager: Manager) -> Self {
        let pool = Arc::new(RwLock::new(new_pool(&manager)));
        Db { manager, pool }
    }

    fn pool(&self) -> Pool {
        let pool = self.pool.read().unwrap_or_else(PoisonError::into_inner);
        pool.clone()
    }

    /// Closes all connections. SQLite opens a file that it may not write read-only, and keeps it so until the process has
    /// closed its last connection; after that it notices that the file may be written again.
    fn replace_pool(&self) {
        *self.pool.write().unwrap_or_else(PoisonError::into_inner) = new_pool(&self.manager);
    }

    /// How many queries can run at once.
    pub fn connections(&self) -> u32 {
        self.manager.connections()
    }

    /// Runs `query` on a thread that may block.
    pub async fn run<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let db = self.clone();
        on_blocking_thread(Patience::ORDINARY, move |deadline| {
            let mut pooled = db.tested_connection(deadline)?;
            db.query(&mut pooled, query)
        })
        .await
    }

    /// The same for a query that only reads. It can be retried on another connection, so no connection is tested first,
    /// and it costs one round trip.
    pub async fn read<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        self.read_within(Patience::ORDINARY, query).await
    }

    async fn read_within<T, F>(&self, patience: Patience, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let db = self.clone();
        on_blocking_thread(patience, move |deadline| {
            // After a restart of the database each idle connection turns out to be closed once.
            for _ in 0..db.connections() {
                let mut pooled = db.connection(deadline)?;
                match db.query(&mut pooled, &query) {
                    Err(_) if pooled.is_closed => (),
                    result => return result,
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
        let result = query(&mut pooled.connection);
        pooled.used_at = Some(Instant::now());
        result.map_err(|cause| {
            pooled.is_closed = is_closed(&cause);
            if pooled.connection.is_read_only(&cause) {
                self.replace_pool();
            }
            Error::Query(cause)
        })
    }

    fn connection(&self, deadline: Deadline) -> Result<r2d2::PooledConnection<Manager>, Error> {
        self.check_file()?;
        let left = deadline.left()?;
        let pool = self.pool();
        let connection = pool.get_timeout(left);
        connection.map_err(|timed_out| no_connection(timed_out, pool.state(), deadline))
    }

    /// A connection that responds, or has responded recently.
    fn tested_connection(
        &self,
        deadline: Deadline,
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
                // It was closed meanwhile: try another.
                Err(_) => pooled.is_closed = true,
            }
        }
    }

    /// Runs `query` and blocks this thread meanwhile: for commands.
    pub fn run_blocking<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let db = self.clone();
        on_own_thread(move |deadline| {
            let mut pooled = db.tested_connection(deadline)?;
            db.query(&mut pooled, query)
        })
    }

    /// Whether an SQLite file is still the one that was opened. Each query checks it first; this is for a report without
    /// one. Always so on Postgres.
    pub fn check_file(&self) -> Result<(), Error> {
        match self.manager.sqlite_file() {
            Some(file) => file.check().map_err(Error::FileReplaced),
            None => Ok(()),
        }
    }

    /// Whether the database responds. The result is here within two seconds.
    pub async fn ping(&self) -> Result<(), Error> {
        self.read_within(Patience::PING, |connection| connection.ping())
            .await
    }

    /// Applies the pending migrations. Processes that start together take turns.
    pub fn migrate(&self) -> Result<(), Error> {
        let mut pooled = self.tested_connection(Patience::ORDINARY.from_now())?;
        let migrated = migrations::apply(&mut pooled.connection);
        // On Postgres it has no timeouts any more.
        pooled.is_closed = matches!(pooled.connection, AnyConnection::Postgres(_));
        migrated
    }

    /// Whether Postgres accepts no writes from us: it is a standby, or the role is read-only.
    pub fn is_read_only(&self) -> Result<bool, Error> {
        self.run_blocking(connection::is_read_only)
    }

    /// The names of the pending migrations.
    pub fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        let db = self.clone();
        on_own_thread(move |deadline| {
            migrations::pending(&mut db.tested_connection(deadline)?.connection)
        })
    }
}

/// Runs `work` on a thread that may block. Its deadline counts from now, so it includes the wait for a thread.
async fn on_blocking_thread<T: Send + 'static>(
    patience: Patience,
    work: impl FnOnce(Deadline) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (context, began) = (RequestContext::current(), Instant::now());
    let deadline = patience.from_now();
    let work = move || RequestContext::scope_sync(context, || work(deadline));
    let done = tokio::time::timeout(patience.response, tokio::task::spawn_blocking(work)).await;
    let result = match done {
        Ok(done) => done.unwrap_or_else(|stopped| Err(Error::unavailable(stopped))),
        Err(_) => Err(Error::NoResponse(patience.response)),
    };
    metrics::database_query(began.elapsed(), result.is_ok());
    result
}

fn new_pool(manager: &Manager) -> Pool {
    // SQLite's file stays open: its inode is not given to another file, which would seem to be the same one.
    let is_file = manager.sqlite_file().is_some();
    let reopened_after = |duration| (!is_file).then_some(duration);
    r2d2::Pool::builder()
        .connection_timeout(Patience::ORDINARY.connection)
        .max_size(manager.connections())
        .min_idle(Some(0))
        .idle_timeout(reopened_after(Duration::from_secs(10 * 60)))
        .max_lifetime(reopened_after(Duration::from_secs(30 * 60)))
        // That would be a round trip for each query; see `Db::tested_connection`.
        .test_on_check_out(false)
        .build_unchecked(manager.clone())
}

/// Why r2d2 returned no connection in time: none could be opened, opening one hangs, or all are in use.
fn no_connection(timed_out: r2d2::Error, pool: r2d2::State, deadline: Deadline) -> Error {
    match timed_out.to_string().split_once(": ") {
        Some((_, cause)) => Error::unavailable(cause),
        None if pool.connections == 0 => Error::unavailable(timed_out),
        None => deadline.passed(),
    }
}
