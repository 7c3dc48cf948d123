//! Signing in on Postgres: one statement for most, else a transaction in which those of one browser take turns.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};

use super::statement::SignInStatement;
use super::{Begun, Former, SignIn, SignInOutcome};
use crate::accounts::transaction::{Transaction, single_statement, transaction};
use crate::db::single_use::is_used;
use crate::db::{AnyConnection, AuditEvent, Event, User, take_turns};

impl SignIn {
    /// Most sign-ins are of a person who has signed in before, in a browser that is not signed in. These are one statement
    /// and one round trip; others take a few more.
    pub(super) fn on_postgres(&self, connection: &mut AnyConnection) -> QueryResult<SignInOutcome> {
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
