//! Keeping a person out until they are unblocked.

use diesel::QueryResult;
use time::OffsetDateTime;

use super::end::{Which, Why, end_within};
use super::transaction::transaction;
use crate::db::{AnyConnection, AuditEvent, DeletedSession, Event, User};

/// Blocks a person and ends some of their sessions, which it returns. Call it again until it returns none: the sessions open
/// nothing from the first call on. A person who is already blocked keeps the time of the first block.
///
/// Writes the person's row first, which a sign-in locks too. So a concurrent sign-in is either refused, or its session is
/// among those that end.
pub fn block(
    connection: &mut AnyConnection,
    user: &User,
    now: OffsetDateTime,
) -> QueryResult<Vec<DeletedSession>> {
    transaction(connection, |transaction| {
        if User::update_blocked_at(transaction, &user.id, Some(now))? {
            transaction.record(AuditEvent::new(Event::UserBlocked, now).about(user))?;
        }
        let some = Which::SomeOf(user.id.clone());
        end_within(transaction, &some, Why::Blocked, now)
    })
}

/// Lets a person sign in again. Returns whether they were blocked.
pub fn unblock(
    connection: &mut AnyConnection,
    user: &User,
    now: OffsetDateTime,
) -> QueryResult<bool> {
    transaction(connection, |transaction| {
        let was_blocked = User::update_blocked_at(transaction, &user.id, None)?;
        if was_blocked {
            transaction.record(AuditEvent::new(Event::UserUnblocked, now).about(user))?;
        }
        Ok(was_blocked)
    })
}
