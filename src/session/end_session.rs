//! Ends sessions: on sign-out, at a request after their expiry, and in the housekeeping.

use actix_web::HttpRequest;
use diesel::QueryResult;
use time::OffsetDateTime;

use super::Sessions;
use super::cache::CachedSession;
use super::store::hash;
use crate::accounts::end::{self, Which, Why};
use crate::accounts::purge::{self, PurgeError};
use crate::db::{self, AnyConnection, DeletedSession, Expiring};

impl Sessions {
    /// The hash that finds the session whose cookie was sent, whether that session still exists or not.
    pub(super) fn key_hash(&self, request: &HttpRequest) -> Option<String> {
        self.session_secret(request).map(|secret| hash(&secret))
    }

    /// Ends sessions and returns how many.
    pub(super) async fn end(&self, which: Which, why: Why) -> Result<usize, db::Error> {
        let now = self.clock.now();
        let end = move |connection: &mut AnyConnection, which: &Which| {
            end::end(connection, which, why, now)
        };
        Ok(self.end_by(which, end).await?.len())
    }

    /// Runs `end`, which ends sessions, and returns these. This process's cache no longer has them afterwards.
    pub(super) async fn end_by(
        &self,
        which: Which,
        end: impl Fn(&mut AnyConnection, &Which) -> QueryResult<Vec<DeletedSession>> + Send + 'static,
    ) -> Result<Vec<DeletedSession>, db::Error> {
        let cache = self.cache.clone();
        let end = self.db.run_on_found(move |connection| {
            let ended = end(connection, &which);
            // On the thread of the query, which goes on even if its request was dropped.
            match &which {
                // After a failure too: a database that does not respond may have done it.
                Which::One(key) | Which::OneUnseenSince(key, _) | Which::OneInRound(key, _) => {
                    cache.invalidate(key);
                }
                Which::SomeOf(_) | Which::SomeUnseenSince(_) | Which::SomeOverBy(_) => (),
            }
            for session in ended.iter().flatten() {
                cache.invalidate(&session.key_hash);
            }
            ended
        });
        end.await
    }

    /// Ends a session that has expired by `now`, unless it was only idle and has been used meanwhile. Returns whether it
    /// has ended.
    pub(super) async fn expire(
        &self,
        key_hash: &str,
        session: &CachedSession,
        now: OffsetDateTime,
    ) -> Result<bool, db::Error> {
        let idle_timeout = self.idle_timeout;
        let idle_since = now - idle_timeout;
        let key_hash = key_hash.to_owned();
        let is_over = session.ends_at.is_some_and(|ends_at| ends_at <= now);
        let which = match session.last_seen_at <= idle_since && !is_over {
            true => Which::OneUnseenSince(key_hash, idle_since),
            // Not if a step-up or the provider's word has just given it another end.
            false => Which::OneInRound(key_hash, session.round),
        };
        Ok(self.end(which, Why::Expired { idle_timeout }).await? == 1)
    }

    /// Ends the sessions that have expired, and removes what was kept for a second click on "Sign out". Returns how many
    /// sessions it ended. Several processes may do so at once: one of them ends each session.
    ///
    /// # Errors
    /// No session has ended if the clock may be wrong.
    pub async fn purge_expired(&self) -> Result<usize, PurgeError> {
        self.purge_logouts().await?;
        self.purge_ended_sids().await?;
        self.record_last_uses().await?;
        let idle_timeout = self.idle_timeout;
        // A session that is too old ends at its next request. If no request comes, it becomes idle.
        // The time that is checked is the one that counts: the clock may be set wrong while there are rows to delete.
        let now = self.clock.now();
        let unseen_since = now - idle_timeout.min(self.absolute_timeout);
        purge::check(&self.db, Expiring::Sessions, unseen_since, &self.clock).await?;
        let unseen = self
            .end_expired(|| Which::SomeUnseenSince(unseen_since))
            .await?;
        let over = Expiring::OverAtProvider { unseen_since };
        purge::check(&self.db, over, now, &self.clock).await?;
        Ok(unseen + self.end_expired(|| Which::SomeOverBy(now)).await?)
    }

    /// Ends sessions that have expired until there are none.
    async fn end_expired(&self, which: impl Fn() -> Which) -> Result<usize, db::Error> {
        let idle_timeout = self.idle_timeout;
        let mut ended = 0;
        loop {
            match self.end(which(), Why::Expired { idle_timeout }).await? {
                0 => return Ok(ended),
                some => ended += some,
            }
        }
    }
}
