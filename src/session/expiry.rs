//! Sessions that end by themselves: unused for too long, or too old.

use super::Sessions;
use crate::db::{self, Expiry, Session};

impl Sessions {
    /// Removes the sessions that have ended by themselves, and what was kept of those that somebody ended; how many
    /// of the former. Several processes may do so at
    /// once: each session is ended by one of them.
    pub async fn purge_expired(&self) -> Result<usize, db::Error> {
        let mut purged = 0;
        loop {
            let (found, ended) = self.purge_some().await?;
            purged += ended;
            if found == 0 {
                self.purge_logouts().await?;
                return Ok(purged);
            }
        }
    }

    /// How many were found, and how many of them nobody else had ended meanwhile.
    async fn purge_some(&self) -> Result<(usize, usize), db::Error> {
        let now = self.clock.now();
        let idle_timeout = self.idle_timeout;
        // One that is too old but in use ends when it is used; one that is not in use is unseen.
        let unseen_since = now - idle_timeout.min(self.absolute_timeout);
        let purge = self.db.run(move |connection| {
            let expired = Session::find_unseen(connection, unseen_since)?;
            let mut ended = 0;
            for (key_hash, session, user) in &expired {
                let expiry = Expiry::of(session.last_seen_at.assume_utc(), idle_timeout, now);
                if Session::expire(connection, key_hash, user, expiry, now)? {
                    ended += 1;
                }
            }
            Ok((expired.len(), ended))
        });
        purge.await
    }
}
