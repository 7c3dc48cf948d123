//! How a session begins: with its person and its audit event, or not at all.

use super::Sessions;
use super::store::{State, hash};
use crate::db::{self, AuditEvent, Event, NewSession, NewUser, Session, User};

/// What came of a sign-in.
pub enum Begun {
    /// A session.
    SignedIn(User),
    /// None: the person is blocked, or was blocked or deleted just now.
    Blocked(User),
}

impl Sessions {
    /// Begins a session of a person who is got or created, for the browser that gets `secret`. One change of threads
    /// does it all.
    pub async fn begin(
        &self,
        secret: &str,
        person: NewUser,
        state: State,
    ) -> Result<Begun, db::Error> {
        let key_hash = hash(secret);
        let state = self.seal(&key_hash, state);
        let now = self.clock.now();
        let begun = self.db.run(move |connection| {
            connection.at_once(|connection| {
                let user = User::get_or_create(connection, &person, now)?;
                let new = NewSession {
                    key_hash,
                    user_id: user.id.clone(),
                    state,
                };
                if user.blocked_at.is_some() {
                    return Ok(Begun::Blocked(user));
                }
                // Without its event nobody gets in.
                let created = connection.all_or_none(|connection| {
                    let created = Session::create(connection, new, now)?;
                    if created {
                        let event = AuditEvent::new(Event::SignIn, now).about(&user);
                        AuditEvent::create(connection, &event)?;
                    }
                    Ok(created)
                })?;
                if !created {
                    return Ok(Begun::Blocked(user));
                }
                Ok(Begun::SignedIn(user))
            })
        });
        let begun = begun.await?;
        let (Begun::SignedIn(user) | Begun::Blocked(user)) = &begun;
        self.memory.changed(&user.id);
        Ok(begun)
    }
}
