//! How a session begins: with its person and its audit event, or not at all.

use crate::accounts::sign_in::{SignIn, SignInOutcome, sign_in};
use crate::db::{self, NewSession, NewUser, SingleUse};
use crate::session::Sessions;
use crate::session::store::{State, hash};

impl Sessions {
    /// Begins a session of a person who is got or created, for the browser that gets `secret`. `attempt` is used up. The session that
    /// the browser had before, with the key hash `replaces`, ends.
    pub async fn begin(
        &self,
        secret: &str,
        person: NewUser,
        state: State,
        attempt: SingleUse,
        replaces: Option<String>,
    ) -> Result<SignInOutcome, db::Error> {
        let key_hash = hash(secret);
        let state = self.seal(&key_hash, state);
        let session = NewSession { key_hash, state };
        let replaced = replaces.clone();
        let new = SignIn {
            person,
            session,
            attempt,
            replaces,
            now: self.clock.now(),
        };
        let outcome = self.db.run(move |connection| sign_in(connection, &new));
        let outcome = outcome.await;
        if let Some(replaced) = replaced {
            self.cache.invalidate(&replaced);
        }
        let outcome = outcome?;
        if let SignInOutcome::SignedIn(user) | SignInOutcome::Blocked(user) = &outcome {
            self.cache.invalidate(&user.id);
        }
        Ok(outcome)
    }
}
