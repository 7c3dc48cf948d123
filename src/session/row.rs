//! What a session's row holds, sealed as a whole. The cache keeps what each request needs of it; a request that needs the rest
//! reads the row, unless it has just done so.

use actix_web::HttpRequest;
use secrecy::SecretString;

use super::key_ring::MadeWith;
use super::stored::Stored;
use super::{Sessions, SignedIn};
use crate::db::{self, Session};

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
    /// what the row holds, if this request has read it.
    pub(super) async fn reseal(&self, key_hash: String, stored: Option<&Stored>) {
        let read;
        let stored = match stored {
            Some(stored) => stored,
            None => match self.read_row(&key_hash).await {
                Ok(Some(row)) => {
                    read = row;
                    &read
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
                let updated = Session::update(connection, &key_hash, &state);
                cache.invalidate(&key_hash);
                updated
            })
            .await
        };
        self.optional_writes.attempt(update).await;
    }

    /// The ID token of the sign-in, if it was kept. After a sign-out in another process, it is what that one kept.
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
            Some(stored) => Ok(stored.id_token_hint),
            None => {
                let logout = self.recent_logout(request).await?;
                Ok(logout.and_then(|logout| logout.id_token_hint))
            }
        }
    }

    /// What the row with this hash holds; nothing if the session has ended.
    async fn read_row(&self, key_hash: &str) -> Result<Option<Stored>, db::Error> {
        let wanted = key_hash.to_owned();
        let read = self
            .db
            .read(move |connection| Session::get_state(connection, &wanted));
        let state = read.await?;
        let opened = state.and_then(|state| self.open_row(key_hash, &state));
        Ok(opened.map(|(stored, _)| stored))
    }
}
