//! Writes rows and their audit events in one transaction. The events are logged after the commit, so that the log has no
//! event of what was rolled back.

use std::ops::{Deref, DerefMut};

use diesel::QueryResult;

use crate::db::{AnyConnection, AuditEvent, LockWait, retried};

/// An open transaction and its events.
pub struct Transaction<'a> {
    connection: &'a mut AnyConnection,
    events: Vec<AuditEvent>,
}

impl<'a> Transaction<'a> {
    fn new(connection: &'a mut AnyConnection) -> Self {
        Transaction {
            connection,
            events: Vec::new(),
        }
    }

    /// Writes an event to the database now, and to the log after the commit.
    pub fn record(&mut self, event: AuditEvent) -> QueryResult<()> {
        self.record_all(vec![event])
    }

    /// The same with several events, in one statement.
    pub fn record_all(&mut self, events: Vec<AuditEvent>) -> QueryResult<()> {
        AuditEvent::create(self.connection, &events)?;
        self.events.extend(events);
        Ok(())
    }

    /// Logs after the commit an event that a statement of this transaction has written itself.
    pub fn has_recorded(&mut self, event: AuditEvent) {
        self.events.push(event);
    }
}

impl Deref for Transaction<'_> {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.connection
    }
}

/// Runs `act` in one transaction. It must pass on each error of the database: after one, Postgres commits nothing more.
/// After a serialization failure or a deadlock it runs again, a few times.
///
/// # Errors
/// Of `act`, or of the commit. The transaction is then rolled back and nothing is logged.
pub fn transaction<T>(
    connection: &mut AnyConnection,
    act: impl Fn(&mut Transaction<'_>) -> QueryResult<T>,
) -> QueryResult<T> {
    transaction_with(connection, LockWait::OfConnection, act)
}

/// The same, with a limit on the wait for locks.
pub fn transaction_with<T>(
    connection: &mut AnyConnection,
    lock_wait: LockWait,
    act: impl Fn(&mut Transaction<'_>) -> QueryResult<T>,
) -> QueryResult<T> {
    let (outcome, events) = retried(connection, |connection| {
        connection.write_transaction(lock_wait, |connection| {
            let mut transaction = Transaction::new(connection);
            let outcome = act(&mut transaction)?;
            Ok((outcome, transaction.events))
        })
    })?;
    events.iter().for_each(AuditEvent::log);
    Ok(outcome)
}

/// Runs `act`, which writes with one statement only. The database commits a statement by itself, so this saves the two
/// round trips that open and commit a transaction.
///
/// # Errors
/// Of `act`. Nothing is logged then.
pub fn single_statement<T>(
    connection: &mut AnyConnection,
    act: impl FnOnce(&mut Transaction<'_>) -> QueryResult<T>,
) -> QueryResult<T> {
    let mut transaction = Transaction::new(connection);
    let outcome = act(&mut transaction)?;
    transaction.events.iter().for_each(AuditEvent::log);
    Ok(outcome)
}
