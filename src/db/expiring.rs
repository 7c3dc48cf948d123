//! What is asked before expired rows are deleted.

use std::fmt;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};
use time::OffsetDateTime;

use super::audit_events::id_at;
use super::schema::{audit_events, sessions};
use super::{AnyConnection, Event, timestamp};

/// A table whose rows expire and would be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiring {
    /// By their latest request.
    Sessions,
    /// By their end at the provider; only those that were seen since that time, of all sessions.
    OverAtProvider {
        /// Others have expired by their latest request.
        unseen_since: OffsetDateTime,
    },
    /// By the time at which they happened.
    AuditEvents,
}

/// Rows are counted up to this number, so that it takes no longer than any other query.
const COUNT_LIMIT: i64 = 1_000_000;

/// How much of a table is older than some time. Both numbers end at 1,000,000, which stands for that many or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// This many rows.
    pub expired: i64,
    /// Of so many.
    pub of: i64,
}

impl Expired {
    /// This many of the same rows more.
    pub fn and(self, more: Expired) -> Expired {
        let expired = self.expired + more.expired;
        Expired {
            expired: expired.min(COUNT_LIMIT),
            ..self
        }
    }

    /// Whether it is more than half, or may be.
    pub fn is_most(self) -> bool {
        self.expired * 2 > self.of
    }
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_more = |count| match count {
            COUNT_LIMIT => " or more",
            _ => "",
        };
        let Expired { expired, of } = *self;
        write!(f, "{expired}{} of {of}{}", or_more(expired), or_more(of))
    }
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
            Expiring::OverAtProvider { unseen_since } => sessions::table
                .filter(sessions::ends_at.le(timestamp(time)))
                .filter(sessions::last_seen_at.ge(timestamp(unseen_since)))
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

    /// Counts the rows from before `time`, and all.
    pub fn count_before(
        self,
        connection: &mut AnyConnection,
        time: OffsetDateTime,
    ) -> QueryResult<Expired> {
        let limit = format!(" LIMIT {COUNT_LIMIT}) AS counted)");
        let (expired, of): (i64, i64) = match self {
            Expiring::Sessions => {
                let expired = sql::<BigInt>(
                    "(SELECT COUNT(*) FROM (SELECT 1 FROM sessions WHERE last_seen_at < ",
                );
                let all = "(SELECT COUNT(*) FROM (SELECT 1 FROM sessions";
                diesel::select((
                    expired.bind::<Timestamp, _>(timestamp(time)).sql(&limit),
                    sql::<BigInt>(&format!("{all}{limit}")),
                ))
                .get_result(connection)
            }
            Expiring::OverAtProvider { unseen_since } => {
                let expired = sql::<BigInt>(
                    "(SELECT COUNT(*) FROM (SELECT 1 FROM sessions WHERE ends_at <= ",
                );
                let expired = expired.bind::<Timestamp, _>(timestamp(time));
                let expired = expired.sql(" AND last_seen_at >= ");
                let all = "(SELECT COUNT(*) FROM (SELECT 1 FROM sessions";
                diesel::select((
                    expired
                        .bind::<Timestamp, _>(timestamp(unseen_since))
                        .sql(&limit),
                    sql::<BigInt>(&format!("{all}{limit}")),
                ))
                .get_result(connection)
            }
            Expiring::AuditEvents => {
                let expired =
                    sql::<BigInt>("(SELECT COUNT(*) FROM (SELECT 1 FROM audit_events WHERE id < ");
                let all = "(SELECT COUNT(*) FROM (SELECT 1 FROM audit_events";
                diesel::select((
                    expired.bind::<Text, _>(id_at(time)).sql(&limit),
                    sql::<BigInt>(&format!("{all}{limit}")),
                ))
                .get_result(connection)
            }
        }?;
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
