//! The database, and how a query gets a connection.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::blocking::{counted, on_blocking_thread};
use super::conflict::retried;
use super::connection::AnyConnection;
use super::connections::Connections;
use super::deadline::{Patience, on_own_thread};
use super::error::{Error, is_closed};
use super::last_write::{Found, LastWrite};
use super::pooled::{Manager, Pooled};
use super::sqlite::MissingFile;
use super::trouble::Trouble;
use super::{DatabaseUrl, capabilities, migrations};

/// The database. Clones share its connections.
#[derive(Clone)]
pub struct Db {
    manager: Manager,
    connections: Connections,
    /// Connections of SQLite that only read. They need no lock, so a read does not wait for a write, nor for another
    /// process that has the write lock. Postgres needs none of its own.
    readers: Option<Connections>,
    trouble: Arc<Trouble>,
    last_write: LastWrite,
}

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
        Db {
            connections: Connections::new(manager.clone()),
            readers: manager.for_reading().map(Connections::new),
            trouble: Arc::default(),
            last_write: LastWrite::new(),
            manager,
        }
    }

    /// How many threads a process that serves has for the database at `url`.
    pub fn threads_for(url: &DatabaseUrl) -> usize {
        let manager = Manager::new(url.clone(), MissingFile::Fail);
        let readers = manager.for_reading();
        Connections::threads_for(&manager) + readers.as_ref().map_or(0, Connections::threads_for)
    }

    /// Starts the threads that run queries. The first queries would otherwise.
    ///
    /// # Errors
    /// The system allows no more threads.
    pub fn start_threads(&self) -> io::Result<()> {
        self.connections.threads()?;
        self.readers().threads()?;
        Ok(())
    }

    fn readers(&self) -> &Connections {
        self.readers.as_ref().unwrap_or(&self.connections)
    }

    /// Closes all connections that no query uses. A later query opens new ones.
    pub fn close(&self) {
        self.readers().replace();
        self.connections.replace();
    }

    /// How many queries can run at once.
    pub fn connections(&self) -> u32 {
        self.connections.count() + self.readers.as_ref().map_or(0, Connections::count)
    }

    /// Runs `query` on a thread that may block. It runs again after a serialization failure or a deadlock, so it must be one
    /// statement or one transaction. On a full disk it runs a second time, after SQLite's log was
    /// emptied.
    pub async fn run<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        self.write(query, |_| true).await
    }

    /// The same for a query that may find nothing to write.
    pub async fn run_on_found<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Found + Send + 'static,
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        self.write(query, |found: &T| !found.is_nothing()).await
    }

    async fn write<T, F>(&self, query: F, has_written: fn(&T) -> bool) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let db = self.clone();
        let work = move |deadline| {
            let pooled = db.connections.get_tested(deadline);
            let result = pooled.and_then(|mut pooled| db.query(&mut pooled, query));
            if !matches!(&result, Ok(done) if !has_written(done)) {
                db.last_write.ended(&result);
            }
            result
        };
        let done = on_blocking_thread(Patience::ORDINARY, &self.connections, work);
        // Boxed, here and below: a request that may have to ask, and need not, carries no room for it.
        Box::pin(counted(&self.trouble, done)).await
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

    pub(super) async fn read_within<T, F>(&self, patience: Patience, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let db = self.clone();
        let work = move |deadline| {
            let readers = db.readers();
            // After a restart of the database each idle connection turns out to be closed once.
            for _ in 0..readers.count() {
                let mut pooled = readers.get(deadline)?;
                match db.query(&mut pooled, &query) {
                    Err(_) if pooled.is_closed => (),
                    result => return result,
                }
            }
            let mut pooled = readers.get_tested(deadline)?;
            db.query(&mut pooled, &query)
        };
        let done = on_blocking_thread(patience, self.readers(), work);
        Box::pin(counted(&self.trouble, done)).await
    }

    fn query<T>(
        &self,
        pooled: &mut Pooled,
        query: impl Fn(&mut AnyConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, Error> {
        let mut result = retried(&mut pooled.connection, &query);
        if let Err(cause) = &result
            && pooled.makes_room_after(cause)
        {
            result = query(&mut pooled.connection);
        }
        pooled.used_at = Some(Instant::now());
        result.map_err(|cause| {
            pooled.is_closed = is_closed(&cause);
            if pooled.connection.is_read_only(&cause) {
                self.connections.replace();
                self.readers().replace();
            }
            match self.manager.sqlite_file() {
                Some(file) if pooled.connection.is_locked(&cause) => {
                    Error::Locked(file.path().to_owned())
                }
                _ => Error::Query(cause),
            }
        })
    }

    /// Runs `query` and blocks this thread meanwhile: for commands.
    pub fn run_blocking<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut AnyConnection) -> diesel::QueryResult<T> + Send + 'static,
    {
        let db = self.clone();
        on_own_thread(move |deadline| {
            let mut pooled = db.connections.get_tested(deadline)?;
            db.query(&mut pooled, query)
        })
    }

    /// Whether the SQLite file and its log are still those that were opened. Each query checks that first; this is for a
    /// report without one, and not counted. Always so on Postgres.
    pub async fn check_file(&self) -> Result<(), Error> {
        let Some(readers) = self.readers.clone() else {
            return Ok(());
        };
        let check = move |deadline| readers.get(deadline).map(drop);
        on_blocking_thread(Patience::PING, self.readers(), check).await
    }

    /// How long ago [`Db::run`] failed to write, if it has not succeeded since.
    pub fn write_failed_since(&self) -> Option<Duration> {
        self.last_write.failed_since()
    }

    /// Applies the pending migrations. Processes that start together take turns, and wait for `patience` at most.
    pub fn migrate(&self, patience: Duration) -> Result<(), Error> {
        let mut pooled = self.connections.get_tested(Patience::ORDINARY.deadline())?;
        migrations::apply(&mut pooled.connection, patience)
    }

    /// Checks that the database can hold every name.
    pub fn check_encoding(&self) -> Result<(), Error> {
        self.run_blocking(capabilities::encoding)?
    }

    /// Whether the database accepts no writes from us: it is a standby, or a file that we may only read.
    pub fn is_read_only(&self) -> Result<bool, Error> {
        let is_read_only = self.run_blocking(capabilities::is_read_only)?;
        if is_read_only {
            self.last_write.failed();
        }
        Ok(is_read_only)
    }

    /// The names of the pending migrations.
    pub fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        let db = self.clone();
        on_own_thread(move |deadline| {
            migrations::pending(&mut db.connections.get_tested(deadline)?.connection)
        })
    }
}
