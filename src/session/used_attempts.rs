//! An attempt signs in once. This process remembers for which it asked the token endpoint, before it asks; for which other
//! processes did the database tells, when the session is to begin.

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use time::Duration;

use crate::db::{self, Kind, SingleUse};
use crate::session::login_attempt::LIFETIME;
use crate::session::{AttemptError, Sessions};

/// How many are remembered at most, some 250 bytes each. Who makes us forget one gains requests to the token
/// endpoint and no session.
const CAPACITY: u64 = 16_384;

/// For how long after its use an attempt is kept: beyond its own lifetime, since the clocks of the processes differ.
const KEPT: Duration = LIFETIME.saturating_mul(2);

/// The attempts that this process took.
pub struct UsedAttempts(Cache<String, ()>);

impl UsedAttempts {
    pub fn new() -> Self {
        let lifetime = KEPT.unsigned_abs();
        UsedAttempts(
            Cache::builder()
                .max_capacity(CAPACITY)
                // The default would rather not take a new one than let an old one go.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(lifetime)
                .build(),
        )
    }
}

impl Sessions {
    /// Uses up the attempt that `state` names: for [`Sessions::sign_in`].
    ///
    /// # Errors
    /// This process did so before.
    pub fn use_attempt(&self, state: &str) -> Result<SingleUse, AttemptError> {
        let attempt = SingleUse::new(Kind::Attempt, state, self.clock.now() + KEPT);
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

    /// Removes from the database what is too old to be used in any case; how much.
    pub async fn purge_used(&self) -> Result<usize, db::Error> {
        let now = self.clock.now();
        let mut purged = 0;
        loop {
            let some = self
                .db
                .run(move |connection| SingleUse::purge(connection, now));
            match some.await? {
                0 => return Ok(purged),
                some => purged += some,
            }
        }
    }
}
