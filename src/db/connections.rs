//! Connections that queries share: a pool, and the queue for it.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::r2d2::R2D2Connection;
use scheduled_thread_pool::ScheduledThreadPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::deadline::{Deadline, Patience};
use super::error::Error;
use super::pooled::Manager;
use super::sqlite_lock::is_locked;
use crate::threads::Threads;

/// A connection that has responded within this time is not tested again before it is used.
const TEST_AFTER: Duration = Duration::from_secs(1);

/// Threads that open and close connections, at most: three for those in use, and as many may hang.
const OPENING_THREADS: usize = 6;

type Pool = r2d2::Pool<Manager>;

/// Some connections of one kind. Clones share them.
#[derive(Clone)]
pub struct Connections {
    manager: Manager,
    current: Arc<RwLock<Current>>,
    /// How many queries hang on connections that were given up.
    hung: Arc<AtomicU32>,
    /// One for each query that runs or hangs.
    threads: Arc<OnceLock<Threads>>,
    /// Kept when the pool is replaced: no thread is started then.
    opening: Arc<ScheduledThreadPool>,
}

/// The connections that are used now.
#[derive(Clone)]
struct Current {
    since: Instant,
    pool: Pool,
    /// As many as there are connections. Whoever waits for one waits here, and keeps no thread from those who have one.
    permits: Arc<Semaphore>,
}

impl Current {
    fn new(manager: &Manager, opening: &Arc<ScheduledThreadPool>) -> Self {
        let count = usize::try_from(manager.connections()).expect("a few");
        Current {
            since: Instant::now(),
            pool: new_pool(manager, opening),
            permits: Arc::new(Semaphore::new(count)),
        }
    }
}

/// A query that hangs, until this goes.
pub struct Hung(Arc<AtomicU32>);

impl Drop for Hung {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connections {
    /// The first query connects.
    pub fn new(manager: Manager) -> Self {
        let opening = ScheduledThreadPool::builder()
            .num_threads(OPENING_THREADS.min(query_threads(&manager)))
            .thread_name_pattern("connect {}")
            .build();
        let opening = Arc::new(opening);
        Connections {
            current: Arc::new(RwLock::new(Current::new(&manager, &opening))),
            hung: Arc::default(),
            threads: Arc::default(),
            opening,
            manager,
        }
    }

    /// How many threads the connections of `manager` need.
    pub fn threads_for(manager: &Manager) -> usize {
        let count = query_threads(manager);
        count + count.min(OPENING_THREADS)
    }

    /// The threads that run queries. The first call starts them.
    ///
    /// # Errors
    /// The system allows no more threads.
    pub fn threads(&self) -> io::Result<&Threads> {
        if let Some(threads) = self.threads.get() {
            return Ok(threads);
        }
        let threads = Threads::start("database", query_threads(&self.manager))?;
        Ok(self.threads.get_or_init(|| threads))
    }

    /// How many there are at most.
    pub fn count(&self) -> u32 {
        self.manager.connections()
    }

    fn current(&self) -> Current {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Closes all. SQLite opens a file that it may not write read-only, and keeps it so until the process has closed its
    /// last connection; after that it notices that the file may be written again.
    pub fn replace(&self) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.pool = new_pool(&self.manager, &self.opening);
    }

    /// A query that began at `since` has not returned and may never do so. On Postgres, the connections that there were then
    /// are used no more, and new ones are opened in their place. That is not repeated while the new ones hang too, so that
    /// there are never more than twice as many.
    pub fn give_up(&self, since: Instant) -> Hung {
        let hung = self.hung.fetch_add(1, Ordering::Relaxed) + 1;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let is_postgres = self.manager.sqlite_file().is_none();
        if is_postgres && hung <= self.count() && current.since <= since {
            *current = Current::new(&self.manager, &self.opening);
        }
        Hung(self.hung.clone())
    }

    /// Waits for a turn, which ends when the result goes.
    pub async fn turn(&self, deadline: Deadline) -> Result<OwnedSemaphorePermit, Error> {
        let turn = self.current().permits.acquire_owned();
        match tokio::time::timeout(deadline.left()?, turn).await {
            Ok(turn) => Ok(turn.expect("nobody closes the semaphore")),
            Err(_) => Err(deadline.passed()),
        }
    }

    /// Gets a connection. It may turn out to be closed.
    pub fn get(&self, deadline: Deadline) -> Result<r2d2::PooledConnection<Manager>, Error> {
        let pool = self.current().pool;
        let connection = pool.get_timeout(deadline.left()?);
        let mut pooled = connection.map_err(|timed_out| {
            let cause = no_connection(timed_out, pool.state(), deadline);
            match (cause, self.manager.sqlite_file()) {
                (Error::Unavailable(cause), Some(file)) if is_locked(&cause) => {
                    Error::Locked(file.path().to_owned())
                }
                (cause, _) => cause,
            }
        })?;
        pooled.check_file().map_err(Error::FileReplaced)?;
        let locks = pooled.wait_for_locks(deadline.left()?);
        locks.map_err(Error::Query)?;
        Ok(pooled)
    }

    /// Gets a connection that responds, or has responded recently.
    pub fn get_tested(&self, deadline: Deadline) -> Result<r2d2::PooledConnection<Manager>, Error> {
        loop {
            let mut pooled = self.get(deadline)?;
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
}

/// One for each connection, and as many may hang on connections that were given up.
fn query_threads(manager: &Manager) -> usize {
    2 * usize::try_from(manager.connections()).expect("a few")
}

fn new_pool(manager: &Manager, opening: &Arc<ScheduledThreadPool>) -> Pool {
    // SQLite's file stays open: its inode is not given to another file, which would seem to be the same one.
    let is_file = manager.sqlite_file().is_some();
    let reopened_after = |duration| (!is_file).then_some(duration);
    r2d2::Pool::builder()
        .connection_timeout(Patience::ORDINARY.connection)
        .max_size(manager.connections())
        .thread_pool(Arc::clone(opening))
        .min_idle(Some(0))
        .idle_timeout(reopened_after(Duration::from_secs(10 * 60)))
        .max_lifetime(reopened_after(Duration::from_secs(30 * 60)))
        // `trouble.rs` says in the log what fails.
        .error_handler(Box::new(r2d2::NopErrorHandler))
        // That would be a round trip for each query; see `Connections::get_tested`.
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
