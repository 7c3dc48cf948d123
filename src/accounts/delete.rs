//! Deleting a person. Their audit events stay.

use diesel::QueryResult;
use time::OffsetDateTime;

use super::end::{Which, Why, end_within};
use super::transaction::transaction;
use crate::db::{AnyConnection, AuditEvent, DeletedSession, Event, User};

/// Deletes a person and ends their sessions, which it returns. At their next sign-in they are a new person.
pub fn delete(
    connection: &mut AnyConnection,
    user: &User,
    now: OffsetDateTime,
) -> QueryResult<Vec<DeletedSession>> {
    transaction(connection, |transaction| {
        let all = Which::AllOf(user.id.clone());
        let ended = end_within(transaction, &all, Why::Deleted, now)?;
        if User::delete(transaction, &user.id)? {
            transaction.record(AuditEvent::new(Event::UserDeleted, now).about(user))?;
        }
        Ok(ended)
    })
}
