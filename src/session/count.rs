//! How many people are in.

use super::Sessions;
use crate::db::{self, Session};

impl Sessions {
    /// How many sessions are alive, over all processes.
    pub async fn count_live(&self) -> Result<i64, db::Error> {
        let now = self.clock.now();
        let (idle_since, begun_before) = (now - self.idle_timeout, now - self.absolute_timeout);
        let count = self
            .db
            .run(move |connection| Session::count_live(connection, idle_since, begun_before));
        count.await
    }
}
