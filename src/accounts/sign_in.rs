//! Signing in: the person is updated or created, and gets a session, with the audit events; all of it or nothing.

mod statement;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use time::OffsetDateTime;

use super::end::{Which, Why, end_within};
use super::transaction::{Transaction, single_statement, transaction};
use crate::db::single_use::{SingleUse, is_used};
use crate::db::{AnyConnection, AuditEvent, Event, NewSession, NewUser, Session, User};
use statement::{SignInStatement, UpdateStatement};

/// What came of a sign-in.
#[derive(Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// The person has a session.
    SignedIn(User),
    /// No session: the person is blocked.
    Blocked(User),
    /// No session: the attempt was used before.
    Used,
}

/// What a sign-in needs.
pub struct SignIn {
    /// What the provider said of the person.
    pub person: NewUser,
    /// The session that begins.
    pub session: NewSession,
    /// The attempt, which this uses up.
    pub attempt: SingleUse,
    /// The key hash of the session that the same browser had, which ends.
    pub replaces: Option<String>,
    /// When.
    pub now: OffsetDateTime,
}

/// Updates or creates the person, and begins the session. Somebody who is blocked gets none and is left as they are; so
/// does somebody whose attempt was used before.
pub fn sign_in(connection: &mut AnyConnection, new: &SignIn) -> QueryResult<SignInOutcome> {
    match connection {
        AnyConnection::Postgres(_) => match new.on_postgres(connection) {
            Err(cause) if is_used(&cause) => Ok(SignInOutcome::Used),
            outcome => outcome,
        },
        AnyConnection::Sqlite(_) => new.on_sqlite(connection),
    }
}

impl SignIn {
    /// Most sign-ins are one statement and one round trip: of somebody who has signed in before, with a browser that is
    /// not signed in. Others cost some more.
    fn on_postgres(&self, connection: &mut AnyConnection) -> QueryResult<SignInOutcome> {
        if let Some(user) = self.known_person(connection)? {
            return Ok(SignInOutcome::SignedIn(user));
        }
        // Asked for before they are created, so that somebody who is blocked is no error in Postgres's log.
        match self.get_user(connection)? {
            Some(user) if user.blocked_at.is_some() => return Ok(SignInOutcome::Blocked(user)),
            // Created or unblocked this moment.
            Some(_) => (),
            None => match self.new_person(connection) {
                // Of two first sign-ins at once, the slower one finds whom the faster one created.
                Err(cause) if is_taken(&cause) => (),
                outcome => return outcome,
            },
        }
        match self.known_person(connection)? {
            Some(user) => Ok(SignInOutcome::SignedIn(user)),
            None => self
                .get_user(connection)?
                .map(SignInOutcome::Blocked)
                .ok_or(QueryError::NotFound),
        }
    }

    /// Signs in somebody who has signed in before and is not blocked; nobody else.
    fn known_person(&self, connection: &mut AnyConnection) -> QueryResult<Option<User>> {
        match &self.replaces {
            None => single_statement(connection, |statement| self.all_at_once(statement)),
            Some(_) => transaction(connection, |transaction| {
                let user = self.all_at_once(transaction)?;
                if user.is_some() {
                    self.end_replaced(transaction)?;
                }
                Ok(user)
            }),
        }
    }

    fn new_person(&self, connection: &mut AnyConnection) -> QueryResult<SignInOutcome> {
        transaction(connection, |transaction| {
            self.create_user(transaction)?;
            let user = self.all_at_once(transaction)?;
            self.end_replaced(transaction)?;
            user.map(SignInOutcome::SignedIn)
                .ok_or(QueryError::NotFound)
        })
    }

    /// Nobody else's transaction can come between the statements of one of SQLite.
    fn on_sqlite(&self, connection: &mut AnyConnection) -> QueryResult<SignInOutcome> {
        transaction(connection, |transaction| {
            if !self.attempt.create(transaction)? {
                return Ok(SignInOutcome::Used);
            }
            let update = UpdateStatement::new(self);
            let known: Option<User> = update.get_result(&mut **transaction).optional()?;
            let user = match known {
                Some(user) => user,
                None => match self.get_user(transaction)? {
                    Some(blocked) => return Ok(SignInOutcome::Blocked(blocked)),
                    None => self.create_user(transaction)?,
                },
            };
            Session::create(transaction, &self.session, &user, self.now)?;
            transaction.record(AuditEvent::new(Event::SignIn, self.now).about(&user))?;
            self.end_replaced(transaction)?;
            Ok(SignInOutcome::SignedIn(user))
        })
    }

    fn get_user(&self, connection: &mut AnyConnection) -> QueryResult<Option<User>> {
        User::get(connection, &self.person.issuer, &self.person.subject)
    }

    fn create_user(&self, transaction: &mut Transaction<'_>) -> QueryResult<User> {
        let user = User::create(transaction, &self.person, self.now)?;
        transaction.record(AuditEvent::new(Event::UserCreated, self.now).about(&user))?;
        Ok(user)
    }

    fn all_at_once(&self, transaction: &mut Transaction<'_>) -> QueryResult<Option<User>> {
        let event = AuditEvent::new(Event::SignIn, self.now);
        let statement = SignInStatement::new(self, &event);
        let user: Option<User> = statement.get_result(&mut **transaction).optional()?;
        if let Some(user) = &user {
            transaction.has_recorded(event.about(user));
        }
        Ok(user)
    }

    fn end_replaced(&self, transaction: &mut Transaction<'_>) -> QueryResult<()> {
        let Some(key_hash) = &self.replaces else {
            return Ok(());
        };
        let replaced = Which::One(key_hash.clone());
        end_within(transaction, &replaced, Why::Replaced, self.now).map(drop)
    }
}

/// Whether somebody else has just created the same person.
fn is_taken(cause: &QueryError) -> bool {
    let is_duplicate = matches!(
        cause,
        QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
    );
    is_duplicate && !is_used(cause)
}
