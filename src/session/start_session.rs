//! How a session begins: with its person and its audit event, or not at all.

use crate::accounts::sign_in::Begun;
use crate::db::{self, NewSession, NewUser, SingleUse, User};
use crate::session::Sessions;
use crate::session::store::{State, hash};

impl Sessions {
    /// Begins a session of a person who is got or created, for the browser that gets `secret`. `attempt` is used up.
    pub async fn begin(
        &self,
        secret: &str,
        person: NewUser,
        state: State,
        attempt: SingleUse,
    ) -> Result<Begun, db::Error> {
        let key_hash = hash(secret);
        let state = self.seal(&key_hash, state);
        let session = NewSession { key_hash, state };
        let now = self.clock.now();
        let begun = self
            .db
            .run(move |connection| User::sign_in(connection, &person, &session, &attempt, now));
        let begun = begun.await?;
        if let Begun::SignedIn(user) | Begun::Blocked(user) = &begun {
            self.cache.invalidate(&user.id);
        }
        Ok(begun)
    }
}
