//! Signing out: [`end`](super::end) for the session, and what a second click on "Sign out" needs.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Nullable, Text, Timestamp};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::{Which, Why, delete, end_within};
use crate::accounts::transaction::{Transaction, transaction_with};
use crate::db::sql_file::{Backend, SqlFile};
use crate::db::{
    AnyConnection, AuditEvent, DeletedSession, Event, LockWait, SignOut, is_closed, timestamp,
};
use crate::observe::logging::seldom::Seldom;
use crate::observe::metrics;

/// Sign-outs whose event is only in the log.
static WITHOUT_EVENT: Seldom = Seldom::new();

/// Sign-outs of which nothing is kept for a second click.
static WITHOUT_SECOND_CLICK: Seldom = Seldom::new();

/// Ends a session because its person signed out, keeps `second_click`, and returns the session, unless it has ended before.
///
/// Signing out must always work, also while an administrator has locked the table of events to create an index. So if the
/// event or `second_click` can't be written, the session ends without them, and the event is only logged.
///
/// # Errors
/// The session has not ended.
pub fn sign_out(
    connection: &mut AnyConnection,
    key_hash: &str,
    second_click: &SignOut,
    now: OffsetDateTime,
) -> QueryResult<Option<DeletedSession>> {
    let ended = transaction_with(
        connection,
        LockWait::Short,
        |transaction| match **transaction {
            AnyConnection::Postgres(_) => on_postgres(transaction, key_hash, second_click, now),
            AnyConnection::Sqlite(_) => on_sqlite(transaction, key_hash, second_click, now),
        },
    );
    match ended {
        // Without the event it would only wait for the same lock once more, or fail without saying why.
        Err(cause) if connection.is_locked(&cause) || is_closed(&cause) => Err(cause),
        ended => {
            ended.or_else(|cause| session_only(connection, key_hash, second_click, now, &cause))
        }
    }
}

fn on_postgres(
    transaction: &mut Transaction<'_>,
    key_hash: &str,
    second_click: &SignOut,
    now: OffsetDateTime,
) -> QueryResult<Option<DeletedSession>> {
    let event = AuditEvent::new(Event::SignOut, now);
    let statement = Statement {
        key_hash,
        second_click,
        at: timestamp(now),
        event: &event,
    };
    let ended: Option<DeletedSession> = statement.get_result(&mut **transaction).optional()?;
    if let Some(session) = &ended {
        transaction.has_recorded(event.about_session(session));
    }
    Ok(ended)
}

/// In SQLite, an INSERT can't read what a DELETE returns.
fn on_sqlite(
    transaction: &mut Transaction<'_>,
    key_hash: &str,
    second_click: &SignOut,
    now: OffsetDateTime,
) -> QueryResult<Option<DeletedSession>> {
    SignOut::create(transaction, second_click, now)?;
    let session = Which::One(key_hash.to_owned());
    Ok(end_within(transaction, &session, Why::SignOut, now)?.pop())
}

/// Each of the two transactions waits as long as the first try did: all is done before anybody gets an error.
fn session_only(
    connection: &mut AnyConnection,
    key_hash: &str,
    second_click: &SignOut,
    now: OffsetDateTime,
    cause: &diesel::result::Error,
) -> QueryResult<Option<DeletedSession>> {
    let session = Which::One(key_hash.to_owned());
    let ended = connection
        .write_transaction(LockWait::Short, |connection| delete(connection, &session))?
        .pop();
    if let Some(session) = &ended {
        metrics::audit_event_lost();
        if let Some(count) = WITHOUT_EVENT.due() {
            log::error!(
                "audit events of sign-outs are only in the log, not in the database: {cause} ({count} since the last such \
                 line; there is one a minute at most)"
            );
        }
        Why::SignOut.event(session, now).log();
    }
    let kept = connection.write_transaction(LockWait::Short, |connection| {
        SignOut::create(connection, second_click, now)
    });
    if let Err(cause) = kept
        && let Some(count) = WITHOUT_SECOND_CLICK.due()
    {
        log::error!(
            "a second click on \"Sign out\" won't reach the provider: {cause} ({count} since the last such line; there is \
             one a minute at most)"
        );
    }
    Ok(ended)
}

/// `sign_out.sql`.
struct Statement<'a> {
    key_hash: &'a str,
    second_click: &'a SignOut,
    at: PrimitiveDateTime,
    event: &'a AuditEvent,
}

impl QueryFragment<Backend> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let mut sql = SqlFile::new(include_str!("sign_out.sql"), out.reborrow());
        for _ in 0..3 {
            sql.bind::<Text, _>(self.key_hash)?;
        }
        sql.bind::<Text, _>(&self.second_click.state_hash)?;
        sql.bind::<Text, _>(&self.second_click.id_token_hint)?;
        sql.bind::<Timestamp, _>(&self.at)?;
        sql.bind_event(self.event)?;
        sql.end();
        Ok(())
    }
}

impl QueryId for Statement<'_> {
    type QueryId = Statement<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Statement<'_> {
    type SqlType = (
        Text,
        Text,
        Nullable<Text>,
        Nullable<Text>,
        Timestamp,
        Nullable<Timestamp>,
        Nullable<Text>,
    );
}

impl<Conn> RunQueryDsl<Conn> for Statement<'_> {}

#[cfg(test)]
mod tests {
    use crate::db::sql_file::parameters_are_in_order;

    #[test]
    fn the_parameters_are_numbered_as_they_come() {
        assert!(parameters_are_in_order(include_str!("sign_out.sql"), 11));
    }
}
