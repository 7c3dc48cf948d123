//! The one clock. All code that compares times uses it, so that a test can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

/// The time in UTC. Clones share their shift.
#[derive(Clone, Default)]
pub struct Clock {
    shift_secs: Arc<AtomicI64>,
}

impl Clock {
    /// The time now, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + Duration::seconds(self.shift_secs.load(Ordering::Relaxed))
    }

    /// Moves this clock (and its clones) by whole seconds; negative goes back. For tests.
    pub fn shift(&self, by: Duration) {
        self.shift_secs
            .fetch_add(by.whole_seconds(), Ordering::Relaxed);
    }
}
