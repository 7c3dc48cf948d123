//! Whether the database responds, for `/readyz`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::db::Db;

/// How long a result is reused: anybody can send any number of requests to `/readyz`.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The latest result, kept for [`MAX_AGE`]. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Option<(Instant, bool)>>>);

impl Readiness {
    /// Whether the database responds. Concurrent callers wait for one query and share its result.
    pub async fn check(&self, db: &Db) -> bool {
        let mut latest = self.0.lock().await;
        if let Some((at, is_ready)) = *latest
            && at.elapsed() < MAX_AGE
        {
            return is_ready;
        }
        let is_ready = match db.ping().await {
            Ok(()) => true,
            Err(cause) => {
                // Once, not for each probe of an outage.
                let level = match latest.is_none_or(|(_, was_ready)| was_ready) {
                    true => log::Level::Error,
                    false => log::Level::Debug,
                };
                log::log!(level, "/readyz answers 503: {cause}");
                false
            }
        };
        *latest = Some((Instant::now(), is_ready));
        is_ready
    }
}
