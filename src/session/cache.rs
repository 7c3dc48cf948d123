//! What this process remembers of sessions, for a moment, so that the next request of somebody who is signed in asks no
//! database. What this process itself changes it knows at once; what another one changed, when the moment is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::sync::Cache;
use time::OffsetDateTime;

use crate::db::User;
use crate::session::store::State;

/// How many sessions are remembered at most: a few KiB each, most of it the ID token.
const CAPACITY: u64 = 4096;

/// Sessions out of the database.
pub struct SessionCache {
    lifetime: Duration,
    /// By the hash of the cookie's secret.
    sessions: Cache<String, Arc<CachedSession>>,
    /// When this process last changed a session, by that hash, or a person, by their id. It outlives what was read
    /// before, even by a query that was under way meanwhile.
    changes: Cache<String, Instant>,
}

/// A session as it was read.
pub struct CachedSession {
    /// Whose it is.
    pub user: User,
    /// The sign-in, in UTC.
    pub created_at: OffsetDateTime,
    /// The latest request that was written down, in UTC.
    pub last_seen_at: OffsetDateTime,
    /// What actix-session gets.
    pub state: State,
    /// When the query that read it began.
    pub asked_at: Instant,
}

impl SessionCache {
    /// Remembers for so long; zero is never.
    pub fn new(lifetime: Duration) -> Self {
        SessionCache {
            lifetime,
            sessions: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(lifetime)
                .build(),
            changes: Cache::builder().time_to_live(lifetime).build(),
        }
    }

    /// The session, if it was read within the lifetime and neither it nor its person changed since.
    pub fn get(&self, key_hash: &str) -> Option<Arc<CachedSession>> {
        if self.lifetime.is_zero() {
            return None;
        }
        let session = self.sessions.get(key_hash)?;
        let changed_since = |what: &str| {
            let changed_at = self.changes.get(what);
            changed_at.is_some_and(|changed_at| changed_at >= session.asked_at)
        };
        let is_current = session.asked_at.elapsed() < self.lifetime
            && !changed_since(key_hash)
            && !changed_since(&session.user.id);
        is_current.then_some(session)
    }

    /// Remembers what was read.
    pub fn keep(&self, key_hash: String, session: Arc<CachedSession>) {
        if !self.lifetime.is_zero() {
            self.sessions.insert(key_hash, session);
        }
    }

    /// A session, by its hash, or a person, by their id, has just been changed in the database.
    pub fn invalidate(&self, what: &str) {
        if !self.lifetime.is_zero() {
            self.changes.insert(what.to_owned(), Instant::now());
            self.sessions.invalidate(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn read_at(asked_at: Instant) -> Arc<CachedSession> {
        Arc::new(CachedSession {
            user: User {
                id: "ada".to_owned(),
                issuer: String::new(),
                subject: String::new(),
                name: None,
                email: None,
                email_verified: false,
                created_at: datetime!(2026-01-01 0:00),
                last_sign_in_at: datetime!(2026-01-01 0:00),
                blocked_at: None,
            },
            created_at: OffsetDateTime::UNIX_EPOCH,
            last_seen_at: OffsetDateTime::UNIX_EPOCH,
            state: State::new(),
            asked_at,
        })
    }

    #[test]
    fn what_changed_is_forgotten_even_when_it_is_read_meanwhile() {
        for what in ["hash", "ada"] {
            let memory = SessionCache::new(Duration::from_secs(60));
            let before = Instant::now();
            memory.keep("hash".to_owned(), read_at(before));
            assert!(memory.get("hash").is_some());
            memory.invalidate(what);
            assert!(memory.get("hash").is_none(), "{what}");
            // The answer to a query that began before comes late.
            memory.keep("hash".to_owned(), read_at(before));
            assert!(memory.get("hash").is_none(), "{what}");
            memory.keep("hash".to_owned(), read_at(Instant::now()));
            assert!(memory.get("hash").is_some(), "{what}");
        }
    }

    #[test]
    fn nothing_is_remembered_beyond_its_lifetime() {
        let memory = SessionCache::new(Duration::from_secs(60));
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60));
        memory.keep("hash".to_owned(), read_at(long_ago.unwrap()));
        assert!(memory.get("hash").is_none());
    }

    #[test]
    fn a_lifetime_of_zero_remembers_nothing() {
        let memory = SessionCache::new(Duration::ZERO);
        memory.keep("hash".to_owned(), read_at(Instant::now()));
        assert!(memory.get("hash").is_none());
    }
}
