//! A document of the provider: fetched when it is first needed and refreshed when it is old, by one request however many
//! callers wait. While an old document can be used, a slow refresh delays no caller for longer than [`PATIENCE`].

mod entry;
mod first;
mod newer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use time::{Duration, OffsetDateTime};
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::oidc::error::Error;
use entry::{Entry, is_ahead};
use first::FirstForAnybody;
use newer::ForcedAt;
pub use newer::{Asker, Newer};

/// How long to use the old value after a failed refresh, before the next try.
const RETRY: Duration = Duration::seconds(10);

/// The longest `Retry-After` of the provider that counts.
const LONGEST_PAUSE: Duration = Duration::HOUR;

/// How long a caller waits for a refresh when there is an old value.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(300);

/// One document of the provider.
pub struct Cache<T> {
    entry: RwLock<Option<Entry<T>>>,
    /// Held during a request to the provider. Those who wait for it share its outcome.
    fetching: tokio::sync::Mutex<Requests>,
    /// How many requests there have been.
    requests: AtomicU64,
    first_for_anybody: FirstForAnybody,
    forced_at: ForcedAt,
}

/// How the requests to the provider went.
#[derive(Default)]
struct Requests {
    /// The last one, if it failed.
    failure: Option<Failure>,
}

impl Requests {
    /// # Errors
    /// The provider said to retry later (`Retry-After`).
    fn check_pause(&self, now: OffsetDateTime) -> Result<(), Error> {
        match &self.failure {
            Some(failure) if is_ahead(now, failure.retry_at, LONGEST_PAUSE) => {
                Err(failure.error.clone())
            }
            _ => Ok(()),
        }
    }
}

struct Failure {
    error: Error,
    retry_at: OffsetDateTime,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Cache {
            entry: RwLock::new(None),
            fetching: tokio::sync::Mutex::default(),
            requests: AtomicU64::new(0),
            first_for_anybody: FirstForAnybody::default(),
            forced_at: ForcedAt::default(),
        }
    }
}

impl<T: 'static> Cache<T> {
    /// The value: from the provider if there is none or it is old. While the provider is unreachable or slow, an old one
    /// is used for up to a day.
    pub async fn get<F>(
        self: &Arc<Self>,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>> + 'static,
    {
        if let Some(value) = self.read(|entry| entry.fresh(now)) {
            return Ok(value);
        }
        match self.read(|entry| entry.usable(now)) {
            Some(old) => Ok(self.refreshed(now, old, fetch).await),
            None => self.fetch_once(now, fetch).await,
        }
    }

    /// The value, at most `age` old unless the provider is unreachable or slow.
    pub async fn get_within<F>(
        self: &Arc<Self>,
        age: Duration,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>> + 'static,
    {
        let old = self.read(|entry| entry.usable(now).filter(|_| entry.age(now) > age));
        match old {
            Some(old) => Ok(self.refreshed(now, old, fetch).await),
            None => self.get(now, fetch).await,
        }
    }

    /// Refreshes the value: the new one if it comes within [`PATIENCE`], else `old`. There is one refresh at a time, a task
    /// of its own, which goes on when its caller has stopped waiting.
    async fn refreshed<F>(
        self: &Arc<Self>,
        now: OffsetDateTime,
        old: Arc<T>,
        fetch: impl FnOnce() -> F,
    ) -> Arc<T>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>> + 'static,
    {
        if self.fetching.try_lock().is_err() {
            return old;
        }
        let (cache, fetched) = (Arc::clone(self), fetch());
        let refresh = spawn_local(async move {
            let Ok(mut requests) = cache.fetching.try_lock() else {
                return;
            };
            if let Err(error) = cache.request(&mut requests, now, || fetched).await {
                log::warn!("refresh failed, using the cached document: {error}");
                cache.put_off(now, retry_after(&error).max(RETRY));
            }
        });
        let _ = timeout(PATIENCE, refresh).await;
        self.read(|entry| Some(entry.value.clone())).unwrap_or(old)
    }

    /// Requests the value, unless another caller did while this one waited: then it shares the outcome, also a failure.
    async fn fetch_once<F>(
        &self,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>>,
    {
        let requests_before = self.requests.load(Ordering::Acquire);
        let mut requests = self.fetching.lock().await;
        if let Some(value) = self.read(|entry| entry.fresh(now)) {
            return Ok(value);
        }
        let is_shared = self.requests.load(Ordering::Acquire) > requests_before;
        if let Some(failure) = &requests.failure
            && is_shared
        {
            return Err(failure.error.clone());
        }
        self.request(&mut requests, now, fetch).await
    }

    /// Requests the value, unless the provider said to retry later (`Retry-After`).
    async fn request<F>(
        &self,
        requests: &mut Requests,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>>,
    {
        requests.check_pause(now)?;
        let fetched = fetch().await;
        self.requests.fetch_add(1, Ordering::Release);
        requests.failure = fetched.as_ref().err().map(|error| Failure {
            error: error.clone(),
            retry_at: now + retry_after(error),
        });
        Ok(self.keep(fetched?, now))
    }

    fn read<R>(&self, look: impl FnOnce(&Entry<T>) -> Option<R>) -> Option<R> {
        let entry = self
            .entry
            .read()
            .expect("nothing panics while it holds this lock");
        entry.as_ref().and_then(look)
    }

    fn keep(&self, (value, max_age_secs): (T, Option<u64>), now: OffsetDateTime) -> Arc<T> {
        let value = Arc::new(value);
        let mut entry = self
            .entry
            .write()
            .expect("nothing panics while it holds this lock");
        *entry = Some(Entry::new(value.clone(), max_age_secs, now));
        value
    }

    fn put_off(&self, now: OffsetDateTime, pause: Duration) {
        let mut entry = self
            .entry
            .write()
            .expect("nothing panics while it holds this lock");
        if let Some(entry) = entry.as_mut() {
            entry.put_off(now + pause);
        }
    }
}

/// How long the provider asks us to wait before the next request.
fn retry_after(error: &Error) -> Duration {
    let secs = error.retry_after_secs().unwrap_or(0);
    Duration::seconds(i64::try_from(secs).unwrap_or(i64::MAX)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
