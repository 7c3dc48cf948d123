//! Where sessions live: in the database, found by a hash of the cookie's secret, their state sealed.
//! Idle and absolute timeouts are kept here too.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time as cookie_time;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

use super::Sessions;
use super::key_ring::{MadeWith, secret_of};
use super::renew::TO_BE_RENEWED;
use crate::db::{self, Db, NewSession, Session, User};

/// Under this name a loaded session carries its person. It is joined from the users table, never
/// stored.
pub(super) const USER: &str = "user";

/// Under this name actix-identity keeps whose session it is.
pub(super) const USER_ID: &str = "user_id";

/// The last-seen time is written no more often than this.
const TOUCH_AFTER: Duration = Duration::MINUTE;

type State = HashMap<String, String>;

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

    /// What the cookie holds.
    fn signed(&self, secret: &str) -> SessionKey {
        let signed = self.sessions.keys.sign(secret);
        SessionKey::try_from(signed).expect("86 characters are below 4064")
    }

    /// What is sealed into a row: all but what has a column or a table of its own.
    fn seal(&self, key_hash: &str, mut state: State) -> (Option<String>, String) {
        let user_id = state.remove(USER_ID);
        state.remove(USER);
        state.remove(TO_BE_RENEWED);
        let plain = serde_json::to_vec(&state).expect("a map of strings always serialises");
        let sealed = self
            .sessions
            .keys
            .seal(|keys| &keys.sessions, key_hash, plain);
        (user_id, sealed)
    }

    fn open(&self, key_hash: &str, session: &Session, user: &User) -> Option<State> {
        let keys = &self.sessions.keys;
        let (plain, made_with) = keys.open(|keys| &keys.sessions, key_hash, &session.state)?;
        let mut state: State = serde_json::from_slice(&plain).ok()?;
        state.insert(USER_ID.to_owned(), json(&session.user_id));
        state.insert(USER.to_owned(), json(user));
        mark(&mut state, made_with);
        Some(state)
    }
}

impl SessionStore for DatabaseStore {
    async fn load(&self, session_key: &SessionKey) -> Result<Option<State>, LoadError> {
        let Some(made_with) = self.sessions.keys.verify(session_key.as_ref()) else {
            return Ok(None);
        };
        let key_hash = hash(session_key);
        let wanted = key_hash.clone();
        let found = self
            .db()
            .run(move |connection| Session::get(connection, &wanted));
        let Some((session, user)) = found.await.map_err(|e| LoadError::Other(e.into()))? else {
            return Ok(None);
        };
        let now = self.sessions.clock.now();
        let last_seen_at = session.last_seen_at.assume_utc();
        if self
            .sessions
            .has_ended(session.created_at.assume_utc(), last_seen_at, now)
        {
            self.end(key_hash)
                .await
                .map_err(|e| LoadError::Other(e.into()))?;
            return Ok(None);
        }
        if now - last_seen_at >= TOUCH_AFTER {
            let seen = key_hash.clone();
            let touched = self
                .db()
                .run(move |connection| Session::touch(connection, &seen, now));
            touched.await.map_err(|e| LoadError::Other(e.into()))?;
        }
        // A row that does not open was sealed with another SESSION_KEY: it is worth nothing.
        let mut state = self.open(&key_hash, &session, &user);
        if let Some(state) = &mut state {
            mark(state, made_with);
        }
        Ok(state)
    }

    async fn save(&self, state: State, _: &cookie_time::Duration) -> Result<SessionKey, SaveError> {
        let session_key = self.signed(&crate::random::secret());
        let key_hash = hash(&session_key);
        let (user_id, state) = self.seal(&key_hash, state);
        let user_id = user_id
            .and_then(|id| serde_json::from_str(&id).ok())
            .ok_or_else(|| SaveError::Other(NobodySignedIn.into()))?;
        let new = NewSession {
            key_hash,
            user_id,
            state,
        };
        let now = self.sessions.clock.now();
        let created = self
            .db()
            .run(move |connection| Session::create(connection, new, now));
        created.await.map_err(|e| SaveError::Other(e.into()))?;
        Ok(session_key)
    }

    async fn update(
        &self,
        session_key: SessionKey,
        state: State,
        _: &cookie_time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let key_hash = hash(&session_key);
        let (_, state) = self.seal(&key_hash, state);
        let updated = self
            .db()
            .run(move |connection| Session::update(connection, &key_hash, &state));
        updated.await.map_err(|e| UpdateError::Other(e.into()))?;
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

    async fn delete(&self, session_key: &SessionKey) -> Result<(), anyhow::Error> {
        Ok(self.end(hash(session_key)).await?)
    }
}

impl DatabaseStore {
    async fn end(&self, key_hash: String) -> Result<(), db::Error> {
        let ended = self
            .db()
            .run(move |connection| Session::delete(connection, &key_hash));
        ended.await
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
    if made_with == MadeWith::KeyThatGoes {
        state.insert(TO_BE_RENEWED.to_owned(), json(&true));
    }
}

/// The secret has 256 bits, so a plain hash can't be turned back. The signature before it changes with
/// the key.
fn hash(session_key: &SessionKey) -> String {
    let hash = digest::digest(&digest::SHA256, secret_of(session_key.as_ref()).as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}

impl Sessions {
    fn has_ended(
        &self,
        created_at: OffsetDateTime,
        last_seen_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> bool {
        now - last_seen_at >= self.idle_timeout || now - created_at >= self.absolute_timeout
    }

    /// Removes the sessions that have ended by themselves; how many.
    pub async fn purge_expired(&self) -> Result<usize, db::Error> {
        let now = self.clock.now();
        let (idle_since, begun_before) = (now - self.idle_timeout, now - self.absolute_timeout);
        let purge = self
            .db
            .run(move |connection| Session::purge_expired(connection, idle_since, begun_before));
        purge.await
    }
}
