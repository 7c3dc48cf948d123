//! Writes that a page does without: recording that a session is in use, sealing it with the new `SESSION_KEY`, deleting
//! one that has expired. If the database takes no writes (read-only, a full disk, a lock), pages are served all the same.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use time::OffsetDateTime;

use crate::db;

/// How long a page waits for such a write. The write itself goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// After a failure, the next of these writes is tried after this time: no page waits meanwhile, and a database in trouble
/// gets no more of them.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// How often the log repeats that these writes fail.
const LOG_AFTER: Duration = Duration::from_secs(60);

/// How many sessions are remembered at most, some 250 bytes each. Beyond that the time in the row counts.
const CAPACITY: u64 = 16_384;

/// Whether these writes succeed, and what has not been written.
pub struct OptionalWrites {
    trouble: Mutex<Option<Trouble>>,
    /// The latest use of sessions that could not be recorded, by the hash of the cookie's secret.
    unrecorded: Cache<String, OffsetDateTime>,
}

/// These writes fail.
struct Trouble {
    since: Instant,
    retry_at: Instant,
    logged_at: Instant,
    /// How many failed or were not tried.
    count: u64,
}

impl OptionalWrites {
    /// Remembers the use of a session for as long as it may be unused.
    pub fn new(idle_timeout: Duration) -> Self {
        OptionalWrites {
            trouble: Mutex::new(None),
            unrecorded: Cache::builder()
                .max_capacity(CAPACITY)
                // The default policy may reject a new entry to keep an old one.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(idle_timeout)
                .build(),
        }
    }

    /// Makes `write`, unless one failed a moment ago. `None` if it failed or was not tried; the log says so once in a while.
    pub async fn attempt<T>(&self, write: impl Future<Output = Result<T, db::Error>>) -> Option<T> {
        if !self.is_due() {
            return None;
        }
        match tokio::time::timeout(LONGEST_WAIT, write).await {
            Ok(Ok(done)) => {
                self.succeeded();
                Some(done)
            }
            Ok(Err(cause)) => self.failed(cause),
            Err(_) => self.failed(format_args!(
                "no response within {} s",
                LONGEST_WAIT.as_secs()
            )),
        }
    }

    /// Remembers a use that was not recorded.
    pub fn remember(&self, key_hash: &str, used_at: OffsetDateTime) {
        self.unrecorded.insert(key_hash.to_owned(), used_at);
    }

    /// The use was recorded after all.
    pub fn forget(&self, key_hash: &str) {
        self.unrecorded.invalidate(key_hash);
    }

    /// The latest use that was not recorded.
    pub fn unrecorded_use(&self, key_hash: &str) -> Option<OffsetDateTime> {
        self.unrecorded.get(key_hash)
    }

    /// All uses that were not recorded, by the hash of the cookie's secret.
    pub fn unrecorded_uses(&self) -> Vec<(String, OffsetDateTime)> {
        let all = self.unrecorded.iter();
        all.map(|(key_hash, at)| (key_hash.to_string(), at))
            .collect()
    }

    /// Whether to try a write. In trouble, one caller tries and the others go on without.
    fn is_due(&self) -> bool {
        match &mut *self.trouble() {
            None => true,
            Some(trouble) => {
                let now = Instant::now();
                let is_due = now >= trouble.retry_at;
                match is_due {
                    true => trouble.retry_at = now + RETRY_AFTER,
                    false => trouble.count += 1,
                }
                is_due
            }
        }
    }

    fn succeeded(&self) {
        if let Some(trouble) = self.trouble().take() {
            log::info!(
                "the last use of sessions is recorded again: {} writes did not happen in {} s",
                trouble.count,
                trouble.since.elapsed().as_secs()
            );
        }
    }

    fn failed<T>(&self, cause: impl Display) -> Option<T> {
        let now = Instant::now();
        let mut trouble = self.trouble();
        let is_new = trouble.is_none();
        let trouble = trouble.get_or_insert(Trouble {
            since: now,
            retry_at: now,
            logged_at: now,
            count: 0,
        });
        trouble.count += 1;
        trouble.retry_at = now + RETRY_AFTER;
        if is_new {
            log::error!(
                "the last use of a session can't be recorded: {cause}; signed-in people are served without, until \
                 SESSION_IDLE_TIMEOUT has passed since their last request"
            );
        } else if trouble.logged_at.elapsed() >= LOG_AFTER {
            trouble.logged_at = now;
            log::error!(
                "the last use of sessions still can't be recorded: {cause}; {} writes did not happen in {} s",
                trouble.count,
                trouble.since.elapsed().as_secs()
            );
        }
        None
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
