//! What is asked before expired rows are deleted.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::audit_events::id_at;
use super::schema::{audit_events, sessions};
use super::{AnyConnection, Event, timestamp};

/// A table whose rows expire and would be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiring {
    /// By their latest request.
    Sessions,
    /// By the time at which they happened.
    AuditEvents,
}

/// How much of a table is older than some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// This many rows.
    pub expired: i64,
    /// Of so many.
    pub of: i64,
}

impl Expiring {
    /// Whether there is a row from before `time`.
    pub fn has_rows_before(
        self,
        connection: &mut AnyConnection,
        time: OffsetDateTime,
    ) -> QueryResult<bool> {
        let row: Option<String> = match self {
            Expiring::Sessions => sessions::table
                .filter(sessions::last_seen_at.lt(timestamp(time)))
                .select(sessions::key_hash)
                .first(connection),
            Expiring::AuditEvents => audit_events::table
                .filter(audit_events::id.lt(id_at(time)))
                .select(audit_events::id)
                .first(connection),
        }
        .optional()?;
        Ok(row.is_some())
    }

    /// Counts the rows from before `time`, and all. It reads the whole table.
    pub fn count_before(
        self,
        connection: &mut AnyConnection,
        time: OffsetDateTime,
    ) -> QueryResult<Expired> {
        let (expired, of) = match self {
            Expiring::Sessions => {
                let expired = sessions::table.filter(sessions::last_seen_at.lt(timestamp(time)));
                (
                    expired.count().get_result(connection)?,
                    sessions::table.count().get_result(connection)?,
                )
            }
            Expiring::AuditEvents => {
                let expired = audit_events::table.filter(audit_events::id.lt(id_at(time)));
                (
                    expired.count().get_result(connection)?,
                    audit_events::table.count().get_result(connection)?,
                )
            }
        };
        Ok(Expired { expired, of })
    }
}

/// Whether anybody used a session or signed in between two times.
pub fn was_used_between(
    connection: &mut AnyConnection,
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> QueryResult<bool> {
    let session: Option<String> = sessions::table
        .filter(sessions::last_seen_at.between(timestamp(from), timestamp(to)))
        .select(sessions::key_hash)
        .first(connection)
        .optional()?;
    if session.is_some() {
        return Ok(true);
    }
    // They may have signed out again.
    let sign_in: Option<String> = audit_events::table
        .filter(audit_events::id.between(id_at(from), id_at(to)))
        .filter(audit_events::event.eq(Event::SignIn.name()))
        .select(audit_events::id)
        .first(connection)
        .optional()?;
    Ok(sign_in.is_some())
}
