//! A newer value than the one that is cached, although that one is fresh.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use tokio::task::spawn_local;

use super::Cache;
use crate::oidc::error::Error;

/// Who needs a newer value. Made-up key ids must not cause many requests, so each has an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A sign-in.
    SignIn,
    /// A token that anybody can have posted here. Such a token holds up no sign-in and uses up nothing of its allowance.
    Anybody,
}

impl Asker {
    /// The least time between two requests that bypass a fresh value.
    fn throttle(self) -> Duration {
        match self {
            Asker::SignIn => Duration::seconds(10),
            Asker::Anybody => Duration::MINUTE,
        }
    }
}

/// What is newer than a cached value.
pub enum Newer<T> {
    /// This.
    Value(Arc<T>),
    /// Nothing that is known, and the provider may be asked again after so many seconds.
    Throttled(u64),
}

/// When newer values were last requested. Each lock is held during such a request, and whoever waits for it shares the outcome.
#[derive(Default)]
pub(super) struct ForcedAt {
    for_sign_ins: tokio::sync::Mutex<Option<OffsetDateTime>>,
    for_anybody: tokio::sync::Mutex<Option<OffsetDateTime>>,
}

impl<T: 'static> Cache<T> {
    /// A value newer than `old`.
    pub async fn get_newer<F>(
        self: &Arc<Self>,
        asker: Asker,
        now: OffsetDateTime,
        old: &Arc<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Newer<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>> + 'static,
    {
        let mut forced_at = match asker {
            Asker::SignIn => self.forced_at.for_sign_ins.lock().await,
            Asker::Anybody => self.forced_at.for_anybody.lock().await,
        };
        // What is being requested anyway will do.
        let mut requests = self.fetching.lock().await;
        if let Some(newer) = self.newer_than(old) {
            return Ok(Newer::Value(newer));
        }
        let since = forced_at.map(|forced_at| (now - forced_at).abs());
        if let Some(wait) = since.map(|since| asker.throttle() - since)
            && wait.is_positive()
        {
            return Ok(Newer::Throttled(whole_secs(wait)));
        }
        requests.check_pause(now)?;
        *forced_at = Some(now);
        let newer = match asker {
            Asker::SignIn => self.request(&mut requests, now, fetch).await,
            Asker::Anybody => {
                // A sign-in that needs a newer value asks for it beside this request.
                drop(requests);
                self.request_beside(old, now, fetch()).await
            }
        };
        newer.map(Newer::Value)
    }

    /// Requests a value without holding up others. It is kept unless somebody else's came first, which may be newer. The
    /// request goes on if its caller stops waiting, so that it is never for nothing.
    async fn request_beside<F>(
        self: &Arc<Self>,
        old: &Arc<T>,
        now: OffsetDateTime,
        fetched: F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>> + 'static,
    {
        let (cache, old) = (Arc::clone(self), Arc::clone(old));
        let request = spawn_local(async move {
            let fetched = fetched.await?;
            let newer = cache.newer_than(&old);
            Ok(newer.unwrap_or_else(|| cache.keep(fetched, now)))
        });
        request
            .await
            .expect("nothing panics in it, and nobody aborts it")
    }

    pub(super) fn newer_than(&self, old: &Arc<T>) -> Option<Arc<T>> {
        self.read(|entry| (!Arc::ptr_eq(&entry.value, old)).then(|| entry.value.clone()))
    }
}

/// At least one, rounded up.
fn whole_secs(wait: Duration) -> u64 {
    u64::try_from(wait.whole_milliseconds())
        .unwrap_or(0)
        .div_ceil(1000)
        .max(1)
}
