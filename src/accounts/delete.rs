//! Deleting a person. Their audit events stay.

use diesel::QueryResult;
use time::OffsetDateTime;

use super::end::{Which, Why, end_within};
use super::transaction::transaction;
use crate::db::{AnyConnection, AuditEvent, DeletedSession, Event, SessionEntry, User};

/// Ends some of a person's sessions, which it returns, and deletes the person when there are no more. Call it again until it
/// returns none. At their next sign-in they are a new person.
pub fn delete(
    connection: &mut AnyConnection,
    user: &User,
    now: OffsetDateTime,
) -> QueryResult<Vec<DeletedSession>> {
    transaction(connection, |transaction| {
        let some = Which::SomeOf(user.id.clone());
        let ended = end_within(transaction, &some, Why::Deleted, now)?;
        let is_last = SessionEntry::count(transaction, &user.id)? == 0;
        if is_last && User::delete(transaction, &user.id)? {
            transaction.record(AuditEvent::new(Event::UserDeleted, now).about(user))?;
        }
        Ok(ended)
    })
}
