//! Where sessions live: in the database, found by a hash of the cookie's secret, their state sealed.
//! Idle and absolute timeouts are kept here too.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time as cookie_time;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use super::Sessions;
use super::key_ring::{MadeWith, secret_of};
use crate::db::{self, Db, Session, User};
use crate::session::cache::CachedSession;
use crate::session::reseal::TO_BE_RENEWED;

/// Under this name a loaded session carries its person. It is joined from the users table, never
/// stored.
pub(super) const USER: &str = "user";

/// Under this name actix-identity keeps whose session it is.
pub(super) const USER_ID: &str = "user_id";

/// The last-seen time is written no more often than this, or than ten times within the idle time where that is less:
/// who is active is in, and not only as long as nobody looks between two writes.
const TOUCH_AFTER: Duration = Duration::from_secs(60);

/// Under this name a session that a sign-in has just written down brings its secret to [`DatabaseStore::save`].
pub(super) const BEGUN: &str = "begun";

/// What actix-session keeps: names, and values in JSON.
pub type State = HashMap<String, String>;

/// Our store behind actix-session.
pub struct DatabaseStore {
    sessions: Arc<Sessions>,
}

impl DatabaseStore {
    pub fn new(sessions: Arc<Sessions>) -> Self {
        DatabaseStore { sessions }
    }

    fn db(&self) -> &Db {
        &self.sessions.db
    }

    /// Out of the database, and remembered.
    async fn read(&self, key_hash: &str) -> Result<Option<Arc<CachedSession>>, db::Error> {
        let asked_at = Instant::now();
        let wanted = key_hash.to_owned();
        let found = self
            .db()
            .read(move |connection| Session::get(connection, &wanted));
        let Some((session, user)) = found.await? else {
            return Ok(None);
        };
        // Who is vouched for by somebody else than before is somebody else.
        if user.issuer != self.sessions.issuer {
            return Ok(None);
        }
        // A row that does not open was sealed with another SESSION_KEY: it is worth nothing.
        let Some(state) = self.sessions.open(key_hash, &session, &user) else {
            return Ok(None);
        };
        let session = Arc::new(CachedSession {
            user,
            created_at: session.created_at.assume_utc(),
            last_seen_at: session.last_seen_at.assume_utc(),
            state,
            asked_at,
        });
        self.sessions
            .cache
            .keep(key_hash.to_owned(), session.clone());
        Ok(Some(session))
    }

    /// Writes down that its browser was here.
    async fn touch(
        &self,
        key_hash: &str,
        session: &CachedSession,
        now: OffsetDateTime,
    ) -> Result<(), db::Error> {
        let seen = key_hash.to_owned();
        let touched = self
            .db()
            .run(move |connection| Session::touch(connection, &seen, now));
        touched.await?;
        let session = CachedSession {
            user: session.user.clone(),
            state: session.state.clone(),
            last_seen_at: now,
            ..*session
        };
        self.sessions
            .cache
            .keep(key_hash.to_owned(), Arc::new(session));
        Ok(())
    }

    /// The session, unless its time is over by `now`: then it ends.
    async fn current(
        &self,
        key_hash: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Arc<CachedSession>>, db::Error> {
        let remembered = self.sessions.cache.get(key_hash);
        if let Some(session) = remembered.filter(|session| !self.sessions.has_ended(session, now)) {
            return Ok(Some(session));
        }
        // Another process may have seen its browser since: after it was remembered, or just now.
        for _ in 0..2 {
            match self.read(key_hash).await? {
                Some(session) if self.sessions.has_ended(&session, now) => {
                    let last_seen_at = session.last_seen_at;
                    if self.sessions.expire(key_hash, last_seen_at, now).await? {
                        return Ok(None);
                    }
                }
                session => return Ok(session),
            }
        }
        Ok(None)
    }

    /// What the cookie holds.
    fn signed(&self, secret: &str) -> SessionKey {
        let signed = self.sessions.keys.sign(secret);
        SessionKey::try_from(signed).expect("86 characters are below 4064")
    }
}

impl SessionStore for DatabaseStore {
    async fn load(&self, session_key: &SessionKey) -> Result<Option<State>, LoadError> {
        let failed = |cause: db::Error| LoadError::Other(cause.into());
        let Some(made_with) = self.sessions.keys.verify(session_key.as_ref()) else {
            return Ok(None);
        };
        let key_hash = hash(secret_of(session_key.as_ref()));
        let now = self.sessions.clock.now();
        let Some(session) = self.current(&key_hash, now).await.map_err(failed)? else {
            return Ok(None);
        };
        if now - session.last_seen_at >= TOUCH_AFTER.min(self.sessions.idle_timeout / 10) {
            self.touch(&key_hash, &session, now).await.map_err(failed)?;
        }
        let mut state = session.state.clone();
        mark(&mut state, made_with);
        Ok(Some(state))
    }

    /// Only a sign-in makes a session, and that has written it down already, with its person.
    async fn save(
        &self,
        mut state: State,
        _: &cookie_time::Duration,
    ) -> Result<SessionKey, SaveError> {
        let secret = state.remove(BEGUN);
        let secret: Option<String> = secret.and_then(|secret| serde_json::from_str(&secret).ok());
        let secret = secret.ok_or_else(|| SaveError::Other(NobodySignedIn.into()))?;
        Ok(self.signed(&secret))
    }

    async fn update(
        &self,
        session_key: SessionKey,
        state: State,
        _: &cookie_time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let key_hash = hash(secret_of(session_key.as_ref()));
        let state = self.sessions.seal(&key_hash, state);
        let changed = key_hash.clone();
        let updated = self
            .db()
            .run(move |connection| Session::update(connection, &key_hash, &state));
        updated.await.map_err(|e| UpdateError::Other(e.into()))?;
        self.sessions.cache.invalidate(&changed);
        Ok(self.signed(secret_of(session_key.as_ref())))
    }

    /// Not called: idle time is kept by [`SessionStore::load`], without a write for each request.
    async fn update_ttl(
        &self,
        _: &SessionKey,
        _: &cookie_time::Duration,
    ) -> Result<(), anyhow::Error> {
        Ok(())
    }

    /// Nothing is left to do: a sign-out, or a sign-in that replaces a session, has ended it already.
    async fn delete(&self, _: &SessionKey) -> Result<(), anyhow::Error> {
        Ok(())
    }
}

/// Only a sign-in makes a session: an anonymous visitor costs no row.
#[derive(Debug)]
struct NobodySignedIn;

impl std::fmt::Display for NobodySignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a session is for somebody who signed in")
    }
}

impl std::error::Error for NobodySignedIn {}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("strings, booleans and times always serialise")
}

/// Notes what the session is to be renewed for.
fn mark(state: &mut State, made_with: MadeWith) {
    if made_with == MadeWith::Retired {
        state.insert(TO_BE_RENEWED.to_owned(), json(&true));
    }
}

/// The secret has 256 bits, so a plain hash can't be turned back. The signature before it changes with
/// the key.
pub(super) fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}

impl Sessions {
    /// What is sealed into a row: all but what has a column or a table of its own.
    pub(super) fn seal(&self, key_hash: &str, mut state: State) -> String {
        state.remove(USER_ID);
        state.remove(USER);
        state.remove(TO_BE_RENEWED);
        let plain = serde_json::to_vec(&state).expect("a map of strings always serialises");
        self.keys.seal(|keys| &keys.sessions, key_hash, plain)
    }

    fn open(&self, key_hash: &str, session: &Session, user: &User) -> Option<State> {
        let sealed = &session.state;
        let (plain, made_with) = self.keys.open(|keys| &keys.sessions, key_hash, sealed)?;
        let mut state: State = serde_json::from_slice(&plain).ok()?;
        state.insert(USER_ID.to_owned(), json(&session.user_id));
        state.insert(USER.to_owned(), json(user));
        mark(&mut state, made_with);
        Some(state)
    }

    fn has_ended(&self, session: &CachedSession, now: OffsetDateTime) -> bool {
        now - session.last_seen_at >= self.idle_timeout
            || now - session.created_at >= self.absolute_timeout
    }
}

#[cfg(test)]
mod tests;
