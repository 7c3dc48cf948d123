//! Says in the log that queries fail: once, then once a minute with a count, and when it is over. A request that fails
//! logs no more than a line of level debug, since there are many of them in an outage.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::Error;

/// How often an outage is logged.
const LOG_AGAIN: Duration = Duration::from_secs(60);

/// For how long no query may have failed until the trouble is over. One that succeeds is not enough: a locked table, or a
/// full disk, fails some queries and not others.
const CALM: Duration = Duration::from_secs(5);

/// What is known of failing queries.
#[derive(Default)]
pub(super) struct Trouble {
    /// How many callers wait for a query now.
    waiting: AtomicU32,
    /// Whether `current` is something: a query that succeeds needs no lock to know.
    is_known: AtomicBool,
    current: Mutex<Option<Outage>>,
}

/// A caller that waits for a query, until this goes.
pub(super) struct Waiting<'a>(&'a Trouble);

impl Trouble {
    /// Counts a caller who begins to wait.
    pub fn waiting(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// A query succeeded.
    pub fn succeeded(&self) {
        if self.is_known.load(Ordering::Relaxed) {
            self.look_for_the_end(Instant::now());
        }
    }

    fn look_for_the_end(&self, now: Instant) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outage) = current.take_if(|outage| outage.is_over(now)) {
            self.is_known.store(false, Ordering::Relaxed);
            log::info!("{}", outage.end());
        }
    }

    /// A query failed after `waited`.
    pub fn failed(&self, cause: &Error, waited: Duration) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let outage = current.get_or_insert_with(Outage::default);
        self.is_known.store(true, Ordering::Relaxed);
        if let Some(line) = outage.failed(cause, waited, waiting, Instant::now()) {
            log::error!("{line}");
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Queries that failed, with no pause of [`CALM`] between them.
#[derive(Default)]
struct Outage {
    /// When the first one failed, when the latest one did, and when the last line was logged.
    times: Option<[Instant; 3]>,
    total: Failures,
    /// Since the last line.
    unsaid: Failures,
}

/// How many queries failed, and the longest that one of them has waited.
#[derive(Clone, Copy, Default)]
struct Failures {
    count: u64,
    waited: Duration,
}

impl Failures {
    fn add(&mut self, waited: Duration) {
        self.count += 1;
        self.waited = self.waited.max(waited);
    }
}

impl Outage {
    /// Counts a failure. Returns a line for the log if one is due.
    fn failed(
        &mut self,
        cause: &Error,
        waited: Duration,
        waiting: u32,
        now: Instant,
    ) -> Option<String> {
        self.total.add(waited);
        self.unsaid.add(waited);
        let [_, latest, said] = self.times.get_or_insert([now, now, now - LOG_AGAIN]);
        *latest = now;
        if now - *said < LOG_AGAIN {
            return None;
        }
        *said = now;
        let Failures { count, waited } = std::mem::take(&mut self.unsaid);
        let waits = Waits {
            queries: waiting.max(1),
            waited,
        };
        Some(match self.total.count {
            1 => format!("{cause}{waits}. Further failures are counted, and logged once a minute"),
            _ => format!("{count} more queries have failed{waits}. The last cause: {cause}"),
        })
    }

    fn is_over(&self, now: Instant) -> bool {
        self.times.is_none_or(|[_, latest, _]| now - latest >= CALM)
    }

    fn end(&self) -> String {
        let took = self
            .times
            .map_or(Duration::ZERO, |[first, latest, _]| latest - first);
        let Failures { count, waited } = self.total;
        let (secs, waited) = (took.as_secs(), waited.as_secs());
        format!(
            "the database is back: queries failed for {secs} s, {count} in all, after a wait of at most {waited} s"
        )
    }
}

/// How many queries wait, if the one that failed has waited for a while.
struct Waits {
    queries: u32,
    waited: Duration,
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.queries, self.waited.as_secs()) {
            (_, 0) => Ok(()),
            (1, secs) => write!(f, "; a query has waited for {secs} s"),
            (queries, secs) => write!(f, "; {queries} queries have waited for up to {secs} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_outage_is_logged_once_then_once_a_minute_and_when_it_is_over() {
        let mut outage = Outage::default();
        let began = Instant::now();
        let hung = Error::NoResponse(6 * SECOND);
        let refused = Error::Unavailable("Connection refused".to_owned());
        let mut lines = Vec::new();
        for second in 0..130 {
            let now = began + second * SECOND;
            let (cause, waited) = match second {
                0..100 => (&hung, 6 * SECOND),
                _ => (&refused, Duration::ZERO),
            };
            for _ in 0..10 {
                lines.extend(outage.failed(cause, waited, 12, now));
            }
            assert!(!outage.is_over(now + 4 * SECOND));
        }
        assert_eq!(
            lines,
            [
                "the database did not respond within 6 s; 12 queries have waited for up to 6 s. Further failures are \
                 counted, and logged once a minute",
                "600 more queries have failed; 12 queries have waited for up to 6 s. The last cause: the database did \
                 not respond within 6 s",
                "600 more queries have failed; 12 queries have waited for up to 6 s. The last cause: the database can't \
                 be reached: Connection refused",
            ]
        );
        let last = began + 129 * SECOND;
        assert!(outage.is_over(last + CALM));
        assert_eq!(
            outage.end(),
            "the database is back: queries failed for 129 s, 1300 in all, after a wait of at most 6 s"
        );
    }

    #[test]
    fn a_query_that_succeeds_between_two_that_fail_is_no_end() {
        let trouble = Trouble::default();
        let refused = Error::Unavailable("Connection refused".to_owned());
        trouble.failed(&refused, Duration::ZERO);
        trouble.succeeded();
        assert!(trouble.is_known.load(Ordering::Relaxed));
        trouble.look_for_the_end(Instant::now() + CALM);
        assert!(!trouble.is_known.load(Ordering::Relaxed));
    }
}
