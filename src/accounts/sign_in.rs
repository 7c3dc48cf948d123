//! Signing in: updates or creates the person, and adds a session and the audit events, all or nothing.

mod begin;
mod statement;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use time::OffsetDateTime;

use super::transaction::{Transaction, single_statement, transaction};
use crate::db::single_use::{SingleUse, is_used};
use crate::db::{
    AnyConnection, AuditEvent, EndedKind, EndedSid, Event, LiveSince, NewSession, NewUser, User,
    take_turns,
};
pub use begin::{Begun, Other};
use statement::{SignInStatement, UpdateStatement};

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
    /// When the attempt began.
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
    /// Most sign-ins are of a person who has signed in before, in a browser that is not signed in. These are one statement
    /// and one round trip; others take a few more.
    fn on_postgres(&self, connection: &mut AnyConnection) -> QueryResult<SignInOutcome> {
        // Again if they are created, unblocked or deleted between two of the statements.
        for _ in 0..5 {
            if let Some(begun) = self.known_person(connection)? {
                return Ok(SignInOutcome::SignedIn(begun));
            }
            // Looked up before they are created, so that a blocked person is no error in Postgres's log.
            match self.get_user(connection)? {
                Some(user) if user.blocked_at.is_some() => return Ok(SignInOutcome::Blocked(user)),
                _ if self.is_ended(connection)? => return Ok(SignInOutcome::EndedByProvider),
                Some(_) => (),
                None => match self.new_person(connection) {
                    // Of two concurrent first sign-ins, the slower one finds the person that the faster one created.
                    Err(cause) if is_taken(&cause) => (),
                    // The provider has just ended its session.
                    Err(QueryError::NotFound) => (),
                    outcome => return outcome,
                },
            }
        }
        Err(QueryError::NotFound)
    }

    /// Signs in a person who has signed in before and is not blocked; otherwise does nothing.
    fn known_person(&self, connection: &mut AnyConnection) -> QueryResult<Option<Begun>> {
        if self.is_plain() {
            match single_statement(connection, |statement| self.all_at_once(statement)) {
                // Or another tab has noted its session at the attempt.
                Err(cause) if is_used(&cause) => (),
                begun => return begun,
            }
        }
        self.in_turn(connection, |transaction| self.in_steps(transaction))
    }

    fn new_person(&self, connection: &mut AnyConnection) -> QueryResult<SignInOutcome> {
        self.in_turn(connection, |transaction| {
            self.create_user(transaction)?;
            let begun = match self.is_plain() {
                true => self.all_at_once(transaction)?,
                false => self.in_steps(transaction)?,
            };
            begun
                .map(SignInOutcome::SignedIn)
                .ok_or(QueryError::NotFound)
        })
    }

    /// Whether the browser has no session and no other attempt, as far as it knows.
    fn is_plain(&self) -> bool {
        self.former == Former::None && self.others.is_empty()
    }

    /// Runs `act` in a transaction. Those of one browser take turns, also if they are of two people: only then the later one
    /// finds the session of the earlier one. The turn comes before the lock on the person, so that no two deadlock.
    fn in_turn<T>(
        &self,
        connection: &mut AnyConnection,
        act: impl Fn(&mut Transaction<'_>) -> QueryResult<T>,
    ) -> QueryResult<T> {
        transaction(connection, |transaction| {
            if !self.others.is_empty() {
                let others = self.others.iter().map(|other| &other.attempt);
                let attempts = others.chain([&self.attempt]);
                take_turns(transaction, attempts.map(|it| it.hash.as_str()).collect())?;
            }
            act(transaction)
        })
    }

    /// As [`SignIn::known_person`]. The person is locked before their sessions.
    fn in_steps(&self, transaction: &mut Transaction<'_>) -> QueryResult<Option<Begun>> {
        let Some(user) = self.update_user(transaction)? else {
            return Ok(None);
        };
        let noted = self.attempt.take(transaction)?;
        self.begin(transaction, user, noted).map(Some)
    }

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

    fn all_at_once(&self, transaction: &mut Transaction<'_>) -> QueryResult<Option<Begun>> {
        let event = AuditEvent::new(Event::SignIn, self.now);
        let statement = SignInStatement::new(self, &event);
        let user: Option<User> = statement.get_result(&mut **transaction).optional()?;
        if let Some(user) = &user {
            transaction.has_recorded(event.about(user));
        }
        Ok(user.map(|user| Begun::new(user, &self.session)))
    }
}

/// Whether another sign-in has just created the same person.
fn is_taken(cause: &QueryError) -> bool {
    let is_duplicate = matches!(
        cause,
        QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
    );
    is_duplicate && !is_used(cause)
}
