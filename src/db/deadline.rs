//! How long anybody waits for the database, on threads that may block.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::error::Error;
use crate::threads;

/// How long a caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// For a free connection.
    pub connection: Duration,
    /// In all, until the caller gets an error. A database that accepts a query and never responds, such as a frozen machine,
    /// delays nobody for longer.
    pub response: Duration,
}

impl Patience {
    /// For requests and commands. Postgres itself ends each statement earlier: see `postgres_url.rs`.
    pub const ORDINARY: Patience = Patience {
        connection: Duration::from_secs(5),
        response: Duration::from_secs(6),
    };

    /// For health checks.
    pub const PING: Patience = Patience {
        connection: Duration::from_secs(2),
        response: Duration::from_secs(2),
    };

    /// The deadline of a caller who begins to wait now.
    pub fn deadline(self) -> Deadline {
        let waits = self.connection;
        let at = Instant::now() + waits;
        Deadline { at, waits }
    }
}

/// When to stop waiting for a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    waits: Duration,
}

impl Deadline {
    /// The time that is left.
    ///
    /// # Errors
    /// None is left: waiting for a thread may have used it up.
    pub fn left(self) -> Result<Duration, Error> {
        match self.at.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(self.passed()),
            left => Ok(left),
        }
    }

    /// The error if no connection became free.
    pub fn passed(self) -> Error {
        Error::NoFreeConnection(self.waits)
    }
}

/// Runs `work` on a thread of its own and waits for it, not longer than requests do: for commands. A thread that hangs ends
/// with the process.
pub(super) fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce(Deadline) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let patience = Patience::ORDINARY;
    let (done, result) = mpsc::channel();
    let deadline = patience.deadline();
    let thread = std::thread::Builder::new().spawn(move || done.send(work(deadline)));
    thread.map_err(|cause| Error::unavailable(threads::explained(cause)))?;
    match result.recv_timeout(patience.response) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Error::NoResponse(patience.response)),
        Err(stopped) => Err(Error::unavailable(stopped)),
    }
}
