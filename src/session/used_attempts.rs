//! An attempt signs in once. This process marks it as used before it calls the token endpoint. The database catches a use
//! by another process when the session starts.

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use time::Duration;

use crate::db::{self, Kind, SingleUse};
use crate::session::login_attempt::LIFETIME;
use crate::session::{AttemptError, Sessions};

/// How many are kept at most, some 250 bytes each. An attacker who makes us drop one gains requests to the token endpoint,
/// but no session.
const CAPACITY: u64 = 16_384;

/// For how long after its use an attempt is kept: beyond its own lifetime, since the clocks of the processes differ.
const KEPT: Duration = LIFETIME.saturating_mul(2);

/// The attempts that this process has marked as used.
pub struct UsedAttempts(Cache<String, ()>);

impl UsedAttempts {
    pub fn new() -> Self {
        let lifetime = KEPT.unsigned_abs();
        UsedAttempts(
            Cache::builder()
                .max_capacity(CAPACITY)
                // The default policy may reject a new entry to keep an old one.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(lifetime)
                .build(),
        )
    }
}

impl Sessions {
    /// Marks the attempt that `state` names as used. [`Sessions::sign_in`] takes the result.
    ///
    /// # Errors
    /// This process has already marked it.
    pub fn use_attempt(&self, state: &str) -> Result<SingleUse, AttemptError> {
        let attempt = self.used(state);
        let entry = self
            .used_attempts
            .0
            .entry_by_ref(&attempt.hash)
            .or_insert(());
        match entry.is_fresh() {
            true => Ok(attempt),
            false => Err(AttemptError::Used),
        }
    }

    /// What uses up the attempt that `state` names.
    pub(super) fn used(&self, state: &str) -> SingleUse {
        SingleUse::new(Kind::Attempt, state, self.clock.now() + KEPT)
    }

    /// Removes used attempts that are too old to be accepted anyway; how many.
    pub async fn purge_used(&self) -> Result<usize, db::Error> {
        let now = self.clock.now();
        let purge = move |connection: &mut _| SingleUse::purge(connection, now);
        self.db.run_until_none(purge).await
    }
}
