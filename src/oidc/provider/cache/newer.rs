//! A newer value than the one that is cached, although that one is fresh.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::Cache;
use crate::oidc::error::Error;

/// The least time between two requests that bypass a fresh value: made-up key ids must not cause requests.
const THROTTLE: Duration = Duration::seconds(10);

impl<T: 'static> Cache<T> {
    /// A value newer than `old`; the cached one if it was requested within the last [`THROTTLE`].
    pub async fn get_newer<F>(
        &self,
        now: OffsetDateTime,
        old: &Arc<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>>,
    {
        let mut requests = self.fetching.lock().await;
        let throttled = requests
            .forced_at
            .is_some_and(|forced_at| (now - forced_at).abs() < THROTTLE);
        let current = self.current(old);
        if throttled || !Arc::ptr_eq(&current, old) {
            return Ok(current);
        }
        requests.forced_at = Some(now);
        // The lock is still held, so no waiting caller mistakes the old value for the newest.
        self.request(&mut requests, now, fetch).await
    }

    /// A value newer than `old`, for a caller that limits its requests itself. It leaves the others what [`THROTTLE`] allows.
    pub async fn get_newer_apart<F>(
        &self,
        now: OffsetDateTime,
        old: &Arc<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>>,
    {
        let mut requests = self.fetching.lock().await;
        let current = self.current(old);
        match Arc::ptr_eq(&current, old) {
            true => self.request(&mut requests, now, fetch).await,
            false => Ok(current),
        }
    }

    fn current(&self, old: &Arc<T>) -> Arc<T> {
        let current = self.read(|entry| Some(entry.value.clone()));
        current.unwrap_or_else(|| old.clone())
    }
}
