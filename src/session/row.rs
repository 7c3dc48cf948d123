//! What a session's row holds, sealed as a whole. The cache keeps what each request needs of it; a request that needs the rest
//! reads the row, unless it has just done so.

use actix_web::HttpRequest;
use secrecy::SecretString;

use super::key_ring::MadeWith;
use super::stored::Stored;
use super::{Sessions, SignedIn};
use crate::db::{self, DeletedSession, Session};

impl Sessions {
    /// Seals the content of the row with this hash. It opens in no other row.
    pub(super) fn seal(&self, key_hash: &str, stored: &Stored) -> String {
        let plain = stored.to_json();
        self.keys.seal(|keys| &keys.sessions, key_hash, plain)
    }

    /// Opens what [`Sessions::seal`] sealed.
    pub(super) fn open_row(&self, key_hash: &str, sealed: &str) -> Option<(Stored, MadeWith)> {
        let (plain, made_with) = self.keys.open(|keys| &keys.sessions, key_hash, sealed)?;
        Some((Stored::from_json(&plain)?, made_with))
    }

    /// Seals the row with the current key, if the database takes writes. Otherwise the previous key still opens it. `stored` is
    /// what the row holds in that round, if this request has read it.
    pub(super) async fn reseal(&self, key_hash: String, stored: Option<(&Stored, i32)>) {
        let read;
        let (stored, round) = match stored {
            Some(stored) => stored,
            None => match self.read_row(&key_hash).await {
                Ok(Some((_, row, round))) => {
                    read = row;
                    (&read, round)
                }
                // It is re-sealed at a later request, unless the session has ended.
                Ok(None) | Err(_) => return self.cache.invalidate(&key_hash),
            },
        };
        let state = self.seal(&key_hash, stored);
        let cache = self.cache.clone();
        let db = self.db.clone();
        let update = async move {
            db.run(move |connection| {
                let updated = Session::update(connection, &key_hash, round, &state);
                cache.invalidate(&key_hash);
                updated
            })
            .await
        };
        self.optional_writes.attempt(update).await;
    }

    /// The ID token that was kept at the sign-in, the hint for signing out. After a sign-out in another process, it is what
    /// that one kept.
    pub(super) async fn id_token_hint(
        &self,
        request: &HttpRequest,
        person: &SignedIn,
    ) -> Result<Option<SecretString>, db::Error> {
        if let Some(stored) = person.stored() {
            return Ok(stored.id_token_hint.clone());
        }
        let Some(key_hash) = self.key_hash(request) else {
            return Ok(None);
        };
        match self.read_row(&key_hash).await? {
            Some((_, stored, _)) => Ok(stored.id_token_hint),
            None => {
                let logout = self.recent_logout(request).await?;
                Ok(logout.and_then(|logout| logout.id_token_hint))
            }
        }
    }

    /// The refresh tokens of sessions that have ended. They come from the deleted rows themselves: what was read before may
    /// have been replaced meanwhile, and another one may have ended the session.
    pub(super) fn refresh_tokens_of(&self, ended: &[DeletedSession]) -> Vec<SecretString> {
        let opened = ended.iter().filter_map(|session| {
            let (stored, _) = self.open_row(&session.key_hash, session.state.as_deref()?)?;
            stored.refresh_token
        });
        opened.collect()
    }

    /// The hash of the row that this one names, what it holds, and in which round; nothing if the session has ended.
    pub(super) async fn read_row(
        &self,
        key_hash: &str,
    ) -> Result<Option<(String, Stored, i32)>, db::Error> {
        let wanted = key_hash.to_owned();
        let read = self
            .db
            .read(move |connection| Session::get_state(connection, &wanted));
        let row = read.await?;
        Ok(row.and_then(|(key_hash, state, round)| {
            let (stored, _) = self.open_row(&key_hash, &state)?;
            Some((key_hash, stored, round))
        }))
    }
}
