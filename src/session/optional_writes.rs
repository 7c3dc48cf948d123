//! Writes that a page does without: recording that a session is in use, and sealing it with the new `SESSION_KEY`. If the
//! database takes no writes (read-only, a full disk, a lock), pages are served all the same.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::rt;
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

/// Whether these writes succeed, and what has not been written. Clones share it.
#[derive(Clone)]
pub struct OptionalWrites {
    trouble: Arc<Mutex<Option<Trouble>>>,
    /// The latest use of sessions that could not be recorded, by the hash of the cookie's secret.
    unrecorded: Cache<String, OffsetDateTime>,
}

/// These writes fail, or one has not ended yet after [`LONGEST_WAIT`].
struct Trouble {
    since: Instant,
    retry_at: Instant,
    logged_at: Option<Instant>,
    /// How many failed or were not tried.
    count: u64,
}

impl OptionalWrites {
    /// Remembers the use of a session for as long as it may be unused.
    pub fn new(idle_timeout: Duration) -> Self {
        OptionalWrites {
            trouble: Arc::default(),
            unrecorded: Cache::builder()
                .max_capacity(CAPACITY)
                // The default policy may reject a new entry to keep an old one.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(idle_timeout)
                .build(),
        }
    }

    /// Makes `write`, unless one failed a moment ago, and returns whether it succeeded within [`LONGEST_WAIT`]. The log says
    /// once in a while that these writes fail.
    pub async fn attempt(
        &self,
        write: impl Future<Output = Result<(), db::Error>> + 'static,
    ) -> bool {
        if !self.is_due() {
            return false;
        }
        let shared = self.clone();
        let mut write = rt::spawn(async move {
            let written = write.await;
            match &written {
                Ok(()) => shared.succeeded(),
                Err(cause) => shared.failed(cause),
            }
            written.is_ok()
        });
        match rt::time::timeout(LONGEST_WAIT, &mut write).await {
            Ok(succeeded) => succeeded.unwrap_or(false),
            Err(_) => {
                self.pause();
                false
            }
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
        if let Some(trouble) = self.trouble().take()
            && trouble.logged_at.is_some()
        {
            log::info!(
                "the last use of sessions is recorded again: {} writes did not happen in {} s",
                trouble.count,
                trouble.since.elapsed().as_secs()
            );
        }
    }

    fn failed(&self, cause: &db::Error) {
        let mut guard = self.trouble();
        let trouble = paused(&mut guard);
        trouble.count += 1;
        match trouble.logged_at {
            None => log::error!(
                "the last use of a session can't be recorded: {cause}; signed-in people are served without, until \
                 SESSION_IDLE_TIMEOUT has passed since their last request"
            ),
            Some(at) if at.elapsed() >= LOG_AFTER => log::error!(
                "the last use of sessions still can't be recorded: {cause}; {} writes did not happen in {} s",
                trouble.count,
                trouble.since.elapsed().as_secs()
            ),
            Some(_) => return,
        }
        trouble.logged_at = Some(Instant::now());
    }

    /// No further write is tried for [`RETRY_AFTER`].
    fn pause(&self) {
        paused(&mut self.trouble());
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn paused(trouble: &mut Option<Trouble>) -> &mut Trouble {
    let now = Instant::now();
    let trouble = trouble.get_or_insert(Trouble {
        since: now,
        retry_at: now,
        logged_at: None,
        count: 0,
    });
    trouble.retry_at = now + RETRY_AFTER;
    trouble
}
