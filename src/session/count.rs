//! How many people are signed in.

use super::Sessions;
use crate::db::{self, Session};

impl Sessions {
    /// How many sessions are alive, over all processes.
    pub async fn count_live(&self) -> Result<i64, db::Error> {
        let idle_since = self.clock.now() - self.idle_timeout;
        let count = self
            .db
            .read(move |connection| Session::count_live(connection, idle_since));
        count.await
    }
}
