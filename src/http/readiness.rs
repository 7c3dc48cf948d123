//! Whether the database answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::db::Db;

/// Anybody can ask as often as they like: the database is asked no more often than this.
const ASK_AFTER: Duration = Duration::from_secs(1);

/// Whether the database answers, kept for [`ASK_AFTER`]. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Option<(Instant, bool)>>>);

impl Readiness {
    /// Whether it answers. Concurrent callers wait for one query and share its result.
    pub async fn check(&self, db: &Db) -> bool {
        let mut latest = self.0.lock().await;
        if let Some((at, is_ready)) = *latest
            && at.elapsed() < ASK_AFTER
        {
            return is_ready;
        }
        let is_ready = match db.ping().await {
            Ok(()) => true,
            Err(cause) => {
                log::error!("/readyz answers 503: {cause}");
                false
            }
        };
        *latest = Some((Instant::now(), is_ready));
        is_ready
    }
}
