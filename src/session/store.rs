//! Loads sessions from the database by a hash of the cookie's secret, and enforces the idle and absolute timeouts.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::Sessions;
use super::cache::CachedSession;
use super::key_ring::{MadeWith, secret_of};
use super::stored::Stored;
use crate::db::{self, Session};

/// How often the last-seen time is written, or a tenth of the idle timeout if that is shorter: a session in use must not
/// seem idle between two writes.
const TOUCH_AFTER: Duration = Duration::from_secs(60);

/// Purging deletes a session minutes after it expires. One that expired longer ago than this is there after a long stop, or
/// the clock is wrong.
const LONG_OVER: time::Duration = time::Duration::DAY;

/// What the times of a session say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is in use.
    Live,
    /// It has not been used for the idle timeout, has reached the absolute one, or is over at the provider.
    Expired,
    /// It expired long ago, or its latest request lies in the future, by the idle timeout or more.
    Implausible,
}

/// The session that a cookie opened.
#[derive(Clone)]
pub struct Loaded {
    /// The session, from the database or from the cache.
    pub session: Arc<CachedSession>,
    /// What its row holds, if this request has read it.
    pub stored: Option<Arc<Stored>>,
    /// The key that signed the cookie.
    made_with: MadeWith,
}

/// A session that was found, and what its row holds if it was read.
type Found = (Arc<CachedSession>, Option<Stored>);

impl Loaded {
    /// Whether the cookie or the row was made with the previous key.
    pub fn needs_reseal(&self) -> bool {
        [self.made_with, self.session.made_with].contains(&MadeWith::Retired)
    }
}

impl Sessions {
    /// The session of a cookie that holds `signed`, unless it has ended.
    pub(super) async fn load(&self, signed: &str) -> Result<Option<Loaded>, db::Error> {
        let Some(made_with) = self.keys.verify(signed) else {
            return Ok(None);
        };
        let found = self.load_used(&hash(secret_of(signed))).await?;
        Ok(found.map(|(session, stored)| Loaded {
            session,
            stored: stored.map(Arc::new),
            made_with,
        }))
    }

    /// The session with this key hash, which is used now, unless it has ended. What asks the database is boxed, so that
    /// requests whose session is cached carry no room for it.
    pub(super) async fn load_used(&self, key_hash: &str) -> Result<Option<Found>, db::Error> {
        let now = self.clock.now();
        let cached = self.cache.get(key_hash);
        let found = match cached.filter(|session| self.standing(session, now) == Standing::Live) {
            Some(session) => Some((session, None)),
            None => Box::pin(self.current(key_hash, now)).await?,
        };
        if let Some((session, _)) = &found
            && now - session.last_seen_at >= self.touch_after()
        {
            Box::pin(self.update_last_seen_at(key_hash, session, now)).await;
        }
        Ok(found)
    }

    fn touch_after(&self) -> Duration {
        TOUCH_AFTER.min(self.idle_timeout / 10)
    }

    /// The session as it is in the database, unless it has expired by `now`: then it ends. If its row can't be deleted, that is an error. One whose
    /// times make no sense only opens nothing, since the clock may be wrong. It opens again when the clock is right.
    async fn current(
        &self,
        key_hash: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Found>, db::Error> {
        // Another process may have had a request of its browser since: after it was cached, or just now.
        for _ in 0..2 {
            let Some((session, stored)) = self.read(key_hash, now).await? else {
                return Ok(None);
            };
            match self.standing(&session, now) {
                Standing::Live => return Ok(Some((session, stored))),
                Standing::Implausible => return Ok(None),
                Standing::Expired => {
                    if self.expire(key_hash, &session, now).await? {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Reads a session from the database and caches it. A later use that could not be recorded counts as well.
    async fn read(&self, key_hash: &str, now: OffsetDateTime) -> Result<Option<Found>, db::Error> {
        let asked_at = Instant::now();
        let wanted = key_hash.to_owned();
        let found = self
            .db
            .read(move |connection| Session::get(connection, &wanted));
        let Some((session, user)) = found.await? else {
            return Ok(None);
        };
        // The same subject at another issuer is another person.
        if user.issuer != self.issuer {
            return Ok(None);
        }
        // A row that does not open was sealed with another SESSION_KEY.
        let Some((stored, made_with)) = self.open_row(key_hash, &session.state) else {
            return Ok(None);
        };
        let mut last_seen_at = session.last_seen_at.assume_utc();
        if now - last_seen_at >= self.touch_after()
            && let Some(used_at) = self.optional_writes.unrecorded_use(key_hash)
        {
            last_seen_at = last_seen_at.max(used_at);
        }
        let recheck = self
            .recheck
            .as_ref()
            .map(|rules| rules.of_row(&session, &stored, now));
        let session = Arc::new(CachedSession {
            user,
            created_at: session.created_at.assume_utc(),
            last_seen_at,
            ends_at: session.ends_at.map(PrimitiveDateTime::assume_utc),
            acr: stored.acr.clone(),
            auth_time: stored.auth_time,
            recheck,
            round: session.recheck_round,
            app_headers: OnceLock::new(),
            made_with,
            asked_at,
        });
        self.cache.keep(key_hash.to_owned(), session.clone());
        Ok(Some((session, Some(stored))))
    }

    /// Records in the cache and in the database that the session is in use. If the database takes no writes, in memory.
    async fn update_last_seen_at(
        &self,
        key_hash: &str,
        session: &CachedSession,
        now: OffsetDateTime,
    ) {
        let seen = key_hash.to_owned();
        let db = self.db.clone();
        let update = async move {
            db.run_on_found(move |connection| Session::update_last_seen_at(connection, &seen, now))
                .await
                .map(drop)
        };
        match self.optional_writes.attempt(update).await {
            true => self.optional_writes.forget(key_hash),
            false => self.optional_writes.remember(key_hash, now),
        }
        let session = CachedSession {
            user: session.user.clone(),
            acr: session.acr.clone(),
            app_headers: session.app_headers.clone(),
            last_seen_at: now,
            ..*session
        };
        self.cache.keep(key_hash.to_owned(), Arc::new(session));
    }

    /// Records the uses that could not be recorded when they happened. Otherwise their sessions would be deleted as idle.
    ///
    /// # Errors
    /// Some are still not recorded.
    pub(super) async fn record_last_uses(&self) -> Result<(), db::Error> {
        for (key_hash, used_at) in self.optional_writes.unrecorded_uses() {
            let seen = key_hash.clone();
            self.db
                .run_on_found(move |connection| {
                    Session::update_last_seen_at(connection, &seen, used_at)
                })
                .await?;
            self.optional_writes.forget(&key_hash);
        }
        Ok(())
    }

    fn standing(&self, session: &CachedSession, now: OffsetDateTime) -> Standing {
        let unseen_for = now - session.last_seen_at;
        let idle_over = unseen_for - self.idle_timeout;
        let absolute_over = now - session.created_at - self.absolute_timeout;
        let over = idle_over.max(absolute_over);
        let over = match session.ends_at {
            Some(ends_at) => over.max(now - ends_at),
            None => over,
        };
        if over > LONG_OVER || !(unseen_for + self.idle_timeout).is_positive() {
            Standing::Implausible
        } else if over.is_negative() {
            Standing::Live
        } else {
            Standing::Expired
        }
    }
}

/// The secret has 256 random bits, so a plain hash can't be reversed. Not of the signature before it, which changes with
/// the key.
pub(super) fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}

#[cfg(test)]
pub(super) mod tests;
