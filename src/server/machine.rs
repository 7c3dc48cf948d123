//! The machine's limits: open files and threads.

use std::io;
use std::num::NonZeroUsize;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::oidc;
use crate::threads;

/// What is open besides the connections of clients and those to the provider, at most one for each of them: the database,
/// listeners, the log, certificates, and what each worker has.
const OTHER_FILES: u64 = 100;

/// Threads that others start: one that accepts connections, and two of `/metrics`. And a few to spare, since a thread that
/// has just ended may still count.
const OTHER_THREADS: usize = 1 + 2 + 4;

/// The number of worker threads: one for each processor that the process may use.
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Tries out whether all threads of the process can run, beside `database` of them.
///
/// # Errors
/// They can't; the error says what to do.
pub fn check_threads(database: usize) -> io::Result<()> {
    threads::try_out(workers() + database + oidc::RESOLVER_THREADS + OTHER_THREADS)
}

/// Raises the soft limit of open files to the hard one. Warns if that is too low. Returns how many connections to accept at
/// a time: `max_connections`, or fewer, so that connections that are idle don't take the last file, but make room.
pub fn raise_open_files(max_connections: usize) -> usize {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(hard)
    });
    let limit = match raised {
        Ok(limit) => limit,
        Err(cause) => {
            log::warn!("the limit of open files can't be raised: {cause}");
            return max_connections;
        }
    };
    let (needed, accepted) = (
        needed_files(max_connections),
        accepted(limit, max_connections),
    );
    if limit < needed {
        log::warn!(
            "at most {limit} files can be open, but MAX_CONNECTIONS ({max_connections}), as many requests to the provider \
             and the database may need {needed}: raise LimitNOFILE (systemd) or `ulimit -Hn`, or lower MAX_CONNECTIONS. \
             Until then, {accepted} connections are accepted at a time"
        );
    }
    accepted
}

/// How many of `max_connections` leave enough of `limit` files for all else. With fewer files than this, nothing helps.
fn accepted(limit: u64, max_connections: usize) -> usize {
    match limit.checked_sub(OTHER_FILES) {
        Some(left @ OTHER_FILES..) => usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(max_connections),
        _ => max_connections,
    }
}

fn needed_files(max_connections: usize) -> u64 {
    let connections = u64::try_from(max_connections).unwrap_or(u64::MAX);
    connections.saturating_mul(2).saturating_add(OTHER_FILES)
}
