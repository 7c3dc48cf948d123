//! What is remembered of the provider: fetched when first needed, refreshed when old, by one
//! request however many want it. A refresh that takes its time holds up nobody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use time::{Duration, OffsetDateTime};
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::oidc::error::Error;

/// The provider's own `max-age` holds between these; without one, the longer.
const MIN_AGE: Duration = Duration::minutes(1);
const MAX_AGE: Duration = Duration::hours(1);

/// How often newer keys may be asked for: made-up key ids must not become requests.
const THROTTLE: Duration = Duration::seconds(10);

/// After a failed refresh the old value serves on, for so long before the next try.
const RETRY: Duration = Duration::seconds(10);

/// When the provider says for how long not to ask again, it is believed up to this.
const LONGEST_PAUSE: Duration = Duration::HOUR;

/// Whoever could do with an old value waits so long for the new one.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(300);

/// How old a value may get while the provider is away.
const STALE_LIMIT: Duration = Duration::hours(24);

/// One document of the provider.
pub struct Cache<T> {
    entry: RwLock<Option<Entry<T>>>,
    /// Held by whoever asks the provider; the others wait for the answer and share a failure.
    fetching: tokio::sync::Mutex<Asked>,
    /// How often the provider was asked.
    rounds: AtomicU64,
}

/// How it went when the provider was asked.
#[derive(Default)]
struct Asked {
    /// The last time, if that failed.
    failure: Option<Failure>,
    /// When a newer value was last asked for before its time.
    forced_at: Option<OffsetDateTime>,
}

struct Failure {
    error: Error,
    ask_again_at: OffsetDateTime,
}

struct Entry<T> {
    value: Arc<T>,
    fetched_at: OffsetDateTime,
    refresh_at: OffsetDateTime,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Cache {
            entry: RwLock::new(None),
            fetching: tokio::sync::Mutex::default(),
            rounds: AtomicU64::new(0),
        }
    }
}

impl<T: 'static> Cache<T> {
    /// The value, from the provider if there is none or it is old. While the provider is away, or does not answer at
    /// once, an old one serves for up to a day.
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

    /// The value as it was at most `age` ago. An older one will do where the provider does not answer at once.
    pub async fn get_within<F>(
        self: &Arc<Self>,
        age: Duration,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>> + 'static,
    {
        let old = self.read(|entry| entry.usable(now).filter(|_| now - entry.fetched_at > age));
        match old {
            Some(old) => Ok(self.refreshed(now, old, fetch).await),
            None => self.get(now, fetch).await,
        }
    }

    /// The newest value that comes soon, else `old`. The provider is asked by a task of its own, which goes on when
    /// nobody waits for it any more, and by one only.
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
            let Ok(mut asked) = cache.fetching.try_lock() else {
                return;
            };
            if let Err(error) = cache.ask(&mut asked, now, || fetched).await {
                log::warn!("what is known of the provider could not be refreshed: {error}");
                cache.put_off(now, asked_for(&error).max(RETRY));
            }
        });
        let _ = timeout(PATIENCE, refresh).await;
        self.read(|entry| Some(entry.value.clone())).unwrap_or(old)
    }

    /// A value newer than `old`, unless a newer one was asked for just now: then what there is.
    pub async fn get_newer<F>(
        &self,
        now: OffsetDateTime,
        old: &Arc<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>>,
    {
        let mut asked = self.fetching.lock().await;
        let current = self.read(|entry| Some(entry.value.clone()));
        let current = current.unwrap_or_else(|| old.clone());
        let throttled = asked
            .forced_at
            .is_some_and(|forced_at| (now - forced_at).abs() < THROTTLE);
        if throttled || !Arc::ptr_eq(&current, old) {
            return Ok(current);
        }
        asked.forced_at = Some(now);
        // Still locked, or whoever waits for the lock would take the old value for the newest.
        self.ask(&mut asked, now, fetch).await
    }

    /// Asks the provider, unless somebody else did while we waited for our turn: then their value
    /// will do, and so will their failure.
    async fn fetch_once<F>(
        &self,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>>,
    {
        let rounds_before = self.rounds.load(Ordering::Acquire);
        let mut asked = self.fetching.lock().await;
        if let Some(value) = self.read(|entry| entry.fresh(now)) {
            return Ok(value);
        }
        let asked_meanwhile = self.rounds.load(Ordering::Acquire) > rounds_before;
        if let Some(failure) = &asked.failure
            && asked_meanwhile
        {
            return Err(failure.error.clone());
        }
        self.ask(&mut asked, now, fetch).await
    }

    /// Asks the provider, unless it said not to ask again so soon.
    async fn ask<F>(
        &self,
        asked: &mut Asked,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>>,
    {
        if let Some(failure) = &asked.failure
            && is_within(now, failure.ask_again_at, LONGEST_PAUSE)
        {
            return Err(failure.error.clone());
        }
        let fetched = fetch().await;
        self.rounds.fetch_add(1, Ordering::Release);
        asked.failure = fetched.as_ref().err().map(|error| Failure {
            error: error.clone(),
            ask_again_at: now + asked_for(error),
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
        let max_age = max_age_secs.map_or(MAX_AGE, |secs| {
            Duration::seconds(i64::try_from(secs).unwrap_or(i64::MAX)).clamp(MIN_AGE, MAX_AGE)
        });
        let value = Arc::new(value);
        let mut entry = self
            .entry
            .write()
            .expect("nothing panics while it holds this lock");
        *entry = Some(Entry {
            value: value.clone(),
            fetched_at: now,
            refresh_at: now + max_age,
        });
        value
    }

    fn put_off(&self, now: OffsetDateTime, pause: Duration) {
        let mut entry = self
            .entry
            .write()
            .expect("nothing panics while it holds this lock");
        if let Some(entry) = entry.as_mut() {
            entry.refresh_at = entry.refresh_at.max(now + pause);
        }
    }
}

impl<T> Entry<T> {
    fn fresh(&self, now: OffsetDateTime) -> Option<Arc<T>> {
        (is_within(now, self.refresh_at, MAX_AGE) && self.usable(now).is_some())
            .then(|| self.value.clone())
    }

    fn usable(&self, now: OffsetDateTime) -> Option<Arc<T>> {
        (now - self.fetched_at < STALE_LIMIT).then(|| self.value.clone())
    }
}

/// Whether `until`, which is `span` away at most, is still to come. If it is further away, the clock was set back; by
/// less than a minute, somebody only began earlier.
fn is_within(now: OffsetDateTime, until: OffsetDateTime, span: Duration) -> bool {
    (until - span - Duration::MINUTE..until).contains(&now)
}

fn asked_for(error: &Error) -> Duration {
    let secs = error.retry_after_secs().unwrap_or(0);
    Duration::seconds(i64::try_from(secs).unwrap_or(i64::MAX)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
