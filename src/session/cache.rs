//! Sessions that this process has just read, so that the next request of the same person costs no query. A change by this
//! process invalidates at once. A change by another process is seen when the lifetime (`SESSION_CACHE`) is over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderName, HeaderValue};
use moka::sync::Cache;
use time::OffsetDateTime;

use crate::db::User;
use crate::session::key_ring::MadeWith;
use crate::session::recheck_times::Recheck;

/// How many bytes of sessions are cached at most. Most have two KiB, but groups can be 64 KiB.
const CAPACITY: u64 = 32 * 1024 * 1024;

/// What a session costs beside its groups: the entry, its key, the person, and the headers for apps.
const OVERHEAD: usize = 2048;

/// What apps are told of a person.
pub type AppHeaders = [(HeaderName, HeaderValue); 8];

/// Sessions that were read from the database. Clones share them.
#[derive(Clone)]
pub struct SessionCache {
    lifetime: Duration,
    /// By the hash of the cookie's secret.
    sessions: Cache<String, Arc<CachedSession>>,
    /// When this process last changed a session, by that hash, or a person, by their id. The result of a query that started
    /// before the change is not used, even if it arrives afterwards.
    changes: Cache<String, Instant>,
    /// The latest change of all: most sessions were read after it, and need not be looked up among the changes.
    latest_change: Arc<LatestChange>,
}

/// When something last changed.
struct LatestChange {
    started_at: Instant,
    /// Nanoseconds since then; zero if nothing has changed yet.
    nanos: AtomicU64,
}

impl LatestChange {
    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.started_at);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn set(&self, at: Instant) {
        self.nanos.fetch_max(self.nanos(at), Ordering::SeqCst);
    }

    /// Whether nothing has changed since `asked_at`.
    fn is_before(&self, asked_at: Instant) -> bool {
        self.nanos.load(Ordering::SeqCst) < self.nanos(asked_at)
    }
}

/// A session as it was read, with its person.
pub struct CachedSession {
    /// Whose it is.
    pub user: User,
    /// The sign-in, in UTC.
    pub created_at: OffsetDateTime,
    /// The latest request that was recorded, in UTC.
    pub last_seen_at: OffsetDateTime,
    /// When the session at the provider ends, in UTC, if the provider says so.
    pub ends_at: Option<OffsetDateTime>,
    /// How strongly the provider authenticated the person, in its words.
    pub acr: Option<String>,
    /// When the provider authenticated the person, in UTC.
    pub auth_time: Option<OffsetDateTime>,
    /// When the provider is asked again; nothing if it never is.
    pub recheck: Option<Recheck>,
    /// How often the provider has answered.
    pub round: i32,
    /// What apps are told of the person, since the first request to one.
    pub app_headers: OnceLock<Box<AppHeaders>>,
    /// The key that sealed the row.
    pub made_with: MadeWith,
    /// When the query that read it started.
    pub asked_at: Instant,
}

impl CachedSession {
    /// About how many bytes it takes.
    pub fn weight(&self) -> u32 {
        let User { groups, .. } = &self.user;
        let groups = groups
            .0
            .iter()
            .map(|it| it.capacity() + size_of::<String>());
        let groups: usize = groups.sum();
        // They are in two of the headers as well, unless they are too long for one.
        let bytes = OVERHEAD + groups + 2 * groups.min(2048);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

impl SessionCache {
    /// Keeps each session for `lifetime`; zero keeps none.
    pub fn new(lifetime: Duration) -> Self {
        SessionCache {
            lifetime,
            sessions: Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(|_, session: &Arc<CachedSession>| session.weight())
                .time_to_live(lifetime)
                .build(),
            changes: Cache::builder().time_to_live(lifetime).build(),
            latest_change: Arc::new(LatestChange {
                started_at: Instant::now(),
                nanos: AtomicU64::new(0),
            }),
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
        let is_unchanged = || {
            self.latest_change.is_before(session.asked_at)
                || !changed_since(key_hash) && !changed_since(&session.user.id)
        };
        let is_current = session.asked_at.elapsed() < self.lifetime && is_unchanged();
        is_current.then_some(session)
    }

    /// Caches what was read.
    pub fn keep(&self, key_hash: String, session: Arc<CachedSession>) {
        if !self.lifetime.is_zero() {
            self.sessions.insert(key_hash, session);
        }
    }

    /// A session, by its hash, or a person, by their id, has just been changed in the database.
    pub fn invalidate(&self, what: &str) {
        if !self.lifetime.is_zero() {
            let now = Instant::now();
            self.changes.insert(what.to_owned(), now);
            self.latest_change.set(now);
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
                groups: crate::db::Groups::default(),
                preferred_username: None,
            },
            created_at: OffsetDateTime::UNIX_EPOCH,
            last_seen_at: OffsetDateTime::UNIX_EPOCH,
            ends_at: None,
            acr: None,
            auth_time: None,
            recheck: None,
            round: 0,
            app_headers: OnceLock::new(),
            made_with: MadeWith::Current,
            asked_at,
        })
    }

    #[test]
    fn a_session_that_changed_is_read_again_even_if_a_query_of_before_ends_later() {
        for what in ["hash", "ada"] {
            let cache = SessionCache::new(Duration::from_secs(60));
            let before = Instant::now();
            cache.keep("hash".to_owned(), read_at(before));
            assert!(cache.get("hash").is_some());
            cache.invalidate(what);
            assert!(cache.get("hash").is_none(), "{what}");
            // The result of a query that started before the change.
            cache.keep("hash".to_owned(), read_at(before));
            assert!(cache.get("hash").is_none(), "{what}");
            cache.keep("hash".to_owned(), read_at(Instant::now()));
            assert!(cache.get("hash").is_some(), "{what}");
        }
    }

    #[test]
    fn nothing_is_cached_beyond_its_lifetime() {
        let cache = SessionCache::new(Duration::from_secs(60));
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60));
        cache.keep("hash".to_owned(), read_at(long_ago.unwrap()));
        assert!(cache.get("hash").is_none());
    }

    /// A person may be in groups of 64 KiB: that a session is small is nobody's promise.
    #[test]
    fn sessions_are_cached_by_their_bytes() {
        let cache = SessionCache::new(Duration::from_secs(60));
        for nth in 0..1000 {
            let mut session = read_at(Instant::now());
            let long = Arc::get_mut(&mut session).unwrap();
            long.user.groups.0 = vec!["x".repeat(64 * 1024)];
            cache.keep(nth.to_string(), session);
        }
        cache.sessions.run_pending_tasks();
        assert!(cache.sessions.weighted_size() <= CAPACITY);
        let count = cache.sessions.entry_count();
        assert!((400..=CAPACITY / (64 * 1024)).contains(&count), "{count}");
    }

    #[test]
    fn a_lifetime_of_zero_caches_nothing() {
        let cache = SessionCache::new(Duration::ZERO);
        cache.keep("hash".to_owned(), read_at(Instant::now()));
        assert!(cache.get("hash").is_none());
    }
}
