//! The first value, which tokens that anybody can post here make us request, too.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::task::spawn_local;

use super::newer::Asker;
use super::{Cache, RETRY, retry_after};
use crate::oidc::error::Error;

/// The last request for a first value that anybody caused, if it failed: when, and how. The lock is held during such a request,
/// also after its caller has stopped waiting, and whoever waits for it shares the outcome.
#[derive(Default)]
pub(super) struct FirstForAnybody(Arc<tokio::sync::Mutex<Option<(OffsetDateTime, Error)>>>);

impl<T: 'static> Cache<T> {
    /// The value, as [`Self::get`] has it. Where none is cached, tokens that anybody can post here cause one request at a
    /// time and, while the provider is away, one every ten seconds. It holds up no sign-in.
    pub async fn get_for<F>(
        self: &Arc<Self>,
        asker: Asker,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, Option<u64>), Error>> + 'static,
    {
        let usable = || self.read(|entry| entry.usable(now));
        if asker == Asker::SignIn || usable().is_some() {
            return self.get(now, fetch).await;
        }
        let failed = Arc::clone(&self.first_for_anybody.0);
        let mut failed = failed.lock_owned().await;
        // What is being requested anyway will do.
        let requests = self.fetching.lock().await;
        if let Some(value) = usable() {
            return Ok(value);
        }
        if let Some((at, error)) = &*failed
            && (now - *at).abs() < retry_after(error).max(RETRY)
        {
            return Err(error.clone());
        }
        requests.check_pause(now)?;
        drop(requests);
        let (cache, fetched) = (Arc::clone(self), fetch());
        let request = spawn_local(async move {
            let first = fetched.await;
            *failed = first.as_ref().err().map(|error| (now, error.clone()));
            let known = cache.read(|entry| entry.usable(now));
            Ok(match known {
                Some(known) => known,
                None => cache.keep(first?, now),
            })
        });
        request
            .await
            .expect("nothing panics in it, and nobody aborts it")
    }
}
