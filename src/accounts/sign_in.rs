//! Signing in: updates or creates the person, and adds a session and the audit events, all or nothing.

mod begin;
mod on_postgres;
mod statement;

use diesel::prelude::*;
use diesel::result::Error as QueryError;
use time::OffsetDateTime;

use super::transaction::{Transaction, transaction};
use crate::db::single_use::{SingleUse, is_used};
use crate::db::{
    AnyConnection, AuditEvent, EndedKind, EndedSid, Event, LiveSince, NewSession, NewUser, User,
};
pub use begin::{Begun, Other};
use statement::UpdateStatement;

/// The outcome of a sign-in.
#[derive(Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// The person has a session.
    SignedIn(Begun),
    /// No session: the person is blocked.
    Blocked(User),
    /// No session: the attempt was used before, or another tab of the browser has signed in somebody else meanwhile.
    Used,
    /// No session: since the attempt began, the provider has signed the person out, or ended its session.
    EndedByProvider,
}

/// What becomes of the session that the browser had before, by its key hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Former {
    /// There is none.
    None,
    /// It ends.
    Ends(String),
    /// It is of the same person and goes on, with the key and the state of the new one. If it has ended meanwhile, it stays
    /// ended, and a new one starts.
    StepsUp(String),
}

impl Former {
    /// Its key hash.
    pub fn key_hash(&self) -> Option<&str> {
        match self {
            Former::None => None,
            Former::Ends(key_hash) | Former::StepsUp(key_hash) => Some(key_hash),
        }
    }
}

/// What a sign-in needs.
pub struct SignIn {
    /// What the provider said of the person.
    pub person: NewUser,
    /// The session that starts.
    pub session: NewSession,
    /// The other attempts of this browser. Tabs that come back from the provider at once don't have each other's session
    /// cookie yet.
    pub others: Vec<Other>,
    /// The attempt, which the sign-in uses up.
    pub attempt: SingleUse,
    /// The session that the browser had before.
    pub former: Former,
    /// When the attempt began, no later than any process says.
    pub began_at: OffsetDateTime,
    /// When.
    pub now: OffsetDateTime,
    /// Which sessions of other tabs have not expired.
    pub since: LiveSince,
}

/// Updates or creates the person, and starts the session. If the person is blocked or the attempt was used before, nothing
/// changes, except that SQLite records the attempt of a blocked person as used.
pub fn sign_in(connection: &mut AnyConnection, new: &SignIn) -> QueryResult<SignInOutcome> {
    let outcome = match connection {
        AnyConnection::Postgres(_) => new.on_postgres(connection),
        AnyConnection::Sqlite(_) => new.on_sqlite(connection),
    };
    match outcome {
        Err(QueryError::RollbackTransaction) => Ok(SignInOutcome::Used),
        Err(cause) if is_used(&cause) => Ok(SignInOutcome::Used),
        outcome => outcome,
    }
}

impl SignIn {
    /// On SQLite, no other transaction can come between the statements of this one.
    fn on_sqlite(&self, connection: &mut AnyConnection) -> QueryResult<SignInOutcome> {
        transaction(connection, |transaction| {
            let noted = self.attempt.take(transaction)?;
            let user = match self.update_user(transaction)? {
                Some(user) => user,
                None if self.is_ended(transaction)? => return Ok(SignInOutcome::EndedByProvider),
                None => match self.get_user(transaction)? {
                    Some(blocked) => return Ok(SignInOutcome::Blocked(blocked)),
                    None => self.create_user(transaction)?,
                },
            };
            let begun = self.begin(transaction, user, noted)?;
            Ok(SignInOutcome::SignedIn(begun))
        })
    }

    /// The person, if they have signed in before and are not blocked.
    fn update_user(&self, transaction: &mut Transaction<'_>) -> QueryResult<Option<User>> {
        let update = UpdateStatement::new(self);
        update.get_result(&mut **transaction).optional()
    }

    /// Whether the provider has ended what this sign-in would begin.
    fn is_ended(&self, connection: &mut AnyConnection) -> QueryResult<bool> {
        let NewUser {
            issuer, subject, ..
        } = &self.person;
        let (by_subject, by_email) = self.ended_hashes();
        let hashes = [&self.session.sid_hash, &Some(by_subject), &by_email];
        let hashes = Vec::from_iter(hashes.into_iter().flatten().map(String::as_str));
        if EndedSid::is_ended_since(connection, &hashes, self.began_at)? {
            return Ok(true);
        }
        User::is_signed_out_since(connection, issuer, subject, self.began_at)
    }

    /// By which hashes it may be recorded that the provider has ended what this sign-in would begin, besides that of its
    /// session there: of the subject, and of the email.
    fn ended_hashes(&self) -> (String, Option<String>) {
        let NewUser {
            issuer, subject, ..
        } = &self.person;
        let email_key = self.person.email_key();
        (
            EndedKind::Subject.hash(issuer, subject),
            email_key.map(|email| EndedKind::Email.hash(issuer, &email)),
        )
    }

    fn get_user(&self, connection: &mut AnyConnection) -> QueryResult<Option<User>> {
        User::get(connection, &self.person.issuer, &self.person.subject)
    }

    fn create_user(&self, transaction: &mut Transaction<'_>) -> QueryResult<User> {
        let user = User::create(transaction, &self.person, self.now)?;
        transaction.record(AuditEvent::new(Event::UserCreated, self.now).about(&user))?;
        Ok(user)
    }
}
