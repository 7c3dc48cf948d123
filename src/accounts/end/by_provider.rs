//! The provider ends sessions. A token that says so is used up by the transaction that ends them.

use diesel::QueryResult;
use time::OffsetDateTime;

use super::{Channel, Why};
use crate::accounts::transaction::{Transaction, transaction};
use crate::db::single_use::{SingleUse, is_used};
use crate::db::{AnyConnection, DeletedSession, EndedKind, EndedSid, Session, User, email_key};

/// What the provider ends.
pub struct ByProvider {
    /// Whose sessions.
    pub whose: Whose,
    /// How it says so.
    pub channel: Channel,
    /// The token that says so, if there is one.
    pub token: Option<SingleUse>,
    /// Sign-ins that began before, or then, are void. No earlier than any process calls now.
    pub void_until: OffsetDateTime,
    /// When.
    pub now: OffsetDateTime,
}

/// Whose sessions the provider ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of this session at the provider.
    Sid(String),
    /// The same, if they are of this person.
    SidOf {
        /// The session at the provider.
        sid_hash: String,
        /// The person's issuer.
        issuer: String,
        /// The person's subject there.
        subject: String,
    },
    /// All of this person. Their sign-ins that began before are void.
    Person {
        /// The person's issuer.
        issuer: String,
        /// The person's subject there.
        subject: String,
    },
    /// All of each person with this email, whatever the case of its letters. Likewise.
    Email {
        /// The people's issuer.
        issuer: String,
        /// Their email, verified or not.
        email: String,
    },
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// All of these sessions have ended.
    All(Vec<DeletedSession>),
    /// These have ended, and there may be more: call it again.
    Some(Vec<DeletedSession>),
    /// The token was used before: nothing has changed.
    Replayed,
    /// Nobody is called so: no session has ended, but first sign-ins that are under way are void, and the token is used up.
    NobodyKnown,
    /// That session at the provider is another person's: nothing has changed, but the token is used up.
    OfAnother,
}

/// Ends sessions as the provider says, with one audit event for each.
///
/// # Errors
/// Nothing has changed. The token may come again.
pub fn end_by_provider(connection: &mut AnyConnection, order: &ByProvider) -> QueryResult<Ended> {
    let ended = transaction(connection, |transaction| order.carry_out(transaction));
    match ended {
        Err(cause) if is_used(&cause) => Ok(Ended::Replayed),
        ended => ended,
    }
}

impl ByProvider {
    fn carry_out(&self, transaction: &mut Transaction<'_>) -> QueryResult<Ended> {
        if let Some(token) = &self.token
            && !token.create(transaction)?
        {
            return Ok(Ended::Replayed);
        }
        let ended = match &self.whose {
            Whose::Sid(sid_hash) => self.end_sid(transaction, sid_hash, None)?,
            Whose::SidOf {
                sid_hash,
                issuer,
                subject,
            } => {
                let user = self.known(transaction, issuer, subject, sid_hash)?;
                let Some(user) = user else {
                    return Ok(Ended::NobodyKnown);
                };
                // The person is not locked: a sign-in has the table of ended sessions first, and then the person.
                if Session::is_anothers(transaction, sid_hash, &user.id)? {
                    return Ok(Ended::OfAnother);
                }
                self.end_sid(transaction, sid_hash, Some(&user.id))?
            }
            Whose::Person { issuer, subject } => {
                let hash = EndedKind::Subject.hash(issuer, subject);
                let user = self.known(transaction, issuer, subject, &hash)?;
                self.end_people(transaction, Vec::from_iter(user))?
            }
            Whose::Email { issuer, email } => {
                // Always: besides those who are known, another account may have the same email.
                let hash = EndedKind::Email.hash(issuer, &email_key(email));
                EndedSid::record(transaction, &hash, self.void_until)?;
                let people = User::list_of_email(transaction, issuer, email)?;
                self.end_people(transaction, people)?
            }
        };
        if let (Ended::Some(_), Some(token)) = (&ended, &self.token) {
            // It is used up by the last of the transactions.
            token.delete(transaction)?;
        }
        Ok(ended)
    }

    /// The person, if they are known. If not, their first sign-in may be under way: `hash`, which it checks, is recorded as
    /// ended. That waits for a sign-in that is being written, so then they are known after all.
    fn known(
        &self,
        transaction: &mut Transaction<'_>,
        issuer: &str,
        subject: &str,
        hash: &str,
    ) -> QueryResult<Option<User>> {
        if let Some(user) = User::get(transaction, issuer, subject)? {
            return Ok(Some(user));
        }
        EndedSid::record(transaction, hash, self.void_until)?;
        User::get(transaction, issuer, subject)
    }

    fn end_sid(
        &self,
        transaction: &mut Transaction<'_>,
        sid_hash: &str,
        user_id: Option<&str>,
    ) -> QueryResult<Ended> {
        EndedSid::record(transaction, sid_hash, self.void_until)?;
        let deleted = Session::delete_of_sid(transaction, sid_hash, user_id)?;
        self.recorded(transaction, deleted)
    }

    fn end_people(
        &self,
        transaction: &mut Transaction<'_>,
        people: Vec<User>,
    ) -> QueryResult<Ended> {
        if people.is_empty() {
            return Ok(Ended::NobodyKnown);
        }
        // First all of their rows, always in the same order, so that no two transactions deadlock.
        for user in &people {
            User::update_signed_out_at(transaction, &user.id, self.void_until)?;
        }
        let mut deleted = Vec::new();
        for user in &people {
            deleted.extend(Session::delete_of_user(transaction, &user.id)?);
            if Session::is_batch(deleted.len()) {
                break;
            }
        }
        self.recorded(transaction, deleted)
    }

    fn recorded(
        &self,
        transaction: &mut Transaction<'_>,
        deleted: Vec<DeletedSession>,
    ) -> QueryResult<Ended> {
        let why = Why::Provider(self.channel);
        let events = deleted.iter().map(|session| why.event(session, self.now));
        transaction.record_all(events.collect())?;
        Ok(match Session::is_batch(deleted.len()) {
            true => Ended::Some(deleted),
            false => Ended::All(deleted),
        })
    }
}
