//! A cached document and its age.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

/// The provider's `max-age` counts between these limits; without one, the longer counts.
const MIN_AGE: Duration = Duration::minutes(1);
const MAX_AGE: Duration = Duration::hours(1);

/// How old a document may get while the provider is unreachable.
const STALE_LIMIT: Duration = Duration::hours(24);

pub(super) struct Entry<T> {
    pub(super) value: Arc<T>,
    fetched_at: OffsetDateTime,
    refresh_at: OffsetDateTime,
}

impl<T> Entry<T> {
    pub(super) fn new(value: Arc<T>, max_age_secs: Option<u64>, now: OffsetDateTime) -> Entry<T> {
        let max_age = max_age_secs.map_or(MAX_AGE, |secs| {
            Duration::seconds(i64::try_from(secs).unwrap_or(i64::MAX)).clamp(MIN_AGE, MAX_AGE)
        });
        Entry {
            value,
            fetched_at: now,
            refresh_at: now + max_age,
        }
    }

    pub(super) fn age(&self, now: OffsetDateTime) -> Duration {
        now - self.fetched_at
    }

    /// The value, unless it is to be refreshed.
    pub(super) fn fresh(&self, now: OffsetDateTime) -> Option<Arc<T>> {
        (is_ahead(now, self.refresh_at, MAX_AGE) && self.usable(now).is_some())
            .then(|| self.value.clone())
    }

    /// The value, unless it is too old even for when the provider is unreachable.
    pub(super) fn usable(&self, now: OffsetDateTime) -> Option<Arc<T>> {
        (self.age(now) < STALE_LIMIT).then(|| self.value.clone())
    }

    /// Refresh no earlier than at `time`.
    pub(super) fn put_off(&mut self, time: OffsetDateTime) {
        self.refresh_at = self.refresh_at.max(time);
    }
}

/// Whether `time`, which was set at most `span` ahead, is still ahead. If it is further ahead than that, the clock has
/// been set back. One more minute is tolerated, since another task may have read the clock later than `now`.
pub(super) fn is_ahead(now: OffsetDateTime, time: OffsetDateTime, span: Duration) -> bool {
    (time - span - Duration::MINUTE..time).contains(&now)
}
