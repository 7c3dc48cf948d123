//! The signed-in browsers: one row each, found by a hash of the cookie's secret.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::schema::{sessions, users};
use super::{AnyConnection, AuditEvent, Event, User, timestamp};

/// How many sessions are cleared away with one connection, before somebody else may have it.
const PURGE_AT_ONCE: i64 = 500;

/// What a sign-in leaves behind.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct Session {
    /// Whose it is.
    pub user_id: String,
    /// Encrypted by the session store.
    pub state: String,
    /// The sign-in, in UTC.
    pub created_at: PrimitiveDateTime,
    /// The latest request, in UTC, to the minute.
    pub last_seen_at: PrimitiveDateTime,
}

/// A row to be, of the person who signs in.
pub struct NewSession {
    /// A hash of the cookie's secret.
    pub key_hash: String,
    /// Encrypted by the session store.
    pub state: String,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It was not used.
    Idle {
        /// From then on.
        since: OffsetDateTime,
    },
    /// It has lasted as long as one may.
    TooOld,
}

impl Expiry {
    /// Of one that is over by `now`.
    pub fn of(
        last_seen_at: OffsetDateTime,
        idle_timeout: std::time::Duration,
        now: OffsetDateTime,
    ) -> Expiry {
        let since = now - idle_timeout;
        match last_seen_at <= since {
            true => Expiry::Idle { since },
            false => Expiry::TooOld,
        }
    }

    /// A word for the audit.
    pub fn reason(self) -> &'static str {
        match self {
            Expiry::Idle { .. } => "idle_timeout",
            Expiry::TooOld => "absolute_timeout",
        }
    }
}

impl Session {
    /// The session and its person, in one query. A blocked person's opens nothing.
    pub fn get(
        connection: &mut AnyConnection,
        key_hash: &str,
    ) -> QueryResult<Option<(Session, User)>> {
        sessions::table
            .inner_join(users::table)
            .filter(sessions::key_hash.eq(key_hash))
            .filter(users::blocked_at.is_null())
            .select((Session::as_select(), User::as_select()))
            .first(connection)
            .optional()
    }

    /// Adds a session of `user`, who must have been judged in the same transaction.
    pub(crate) fn create(
        connection: &mut AnyConnection,
        new: &NewSession,
        user: &User,
        now: OffsetDateTime,
    ) -> QueryResult<()> {
        diesel::insert_into(sessions::table)
            .values((
                sessions::key_hash.eq(&new.key_hash),
                sessions::user_id.eq(&user.id),
                sessions::state.eq(&new.state),
                sessions::created_at.eq(timestamp(now)),
                sessions::last_seen_at.eq(timestamp(now)),
            ))
            .execute(connection)
            .map(drop)
    }

    /// Replaces the state. A session that has ended meanwhile stays ended.
    pub fn update(connection: &mut AnyConnection, key_hash: &str, state: &str) -> QueryResult<()> {
        diesel::update(sessions::table.find(key_hash))
            .set(sessions::state.eq(state))
            .execute(connection)
            .map(drop)
    }

    /// Records that its browser was here.
    pub fn touch(
        connection: &mut AnyConnection,
        key_hash: &str,
        now: OffsetDateTime,
    ) -> QueryResult<()> {
        diesel::update(sessions::table.find(key_hash))
            .set(sessions::last_seen_at.eq(timestamp(now)))
            .execute(connection)
            .map(drop)
    }

    /// Ends a session; one that is gone already is no error.
    pub fn delete(connection: &mut AnyConnection, key_hash: &str) -> QueryResult<()> {
        diesel::delete(sessions::table.find(key_hash))
            .execute(connection)
            .map(drop)
    }

    /// How many were seen since `idle_since`. An index alone tells, so that of a million rows none
    /// is read; those that are too old are cleared away before they matter.
    pub fn count_live(
        connection: &mut AnyConnection,
        idle_since: OffsetDateTime,
    ) -> QueryResult<i64> {
        sessions::table
            .filter(sessions::last_seen_at.gt(timestamp(idle_since)))
            .count()
            .get_result(connection)
    }

    /// Ends a session whose time is over, and keeps that it did: once, however many notice it. Whether this was the
    /// one. A session that was not used for too long, but has been meanwhile, goes on.
    pub fn expire(
        connection: &mut AnyConnection,
        key_hash: &str,
        user: &User,
        expiry: Expiry,
        now: OffsetDateTime,
    ) -> QueryResult<bool> {
        AuditEvent::create_with(connection, |connection| {
            let one = diesel::delete(sessions::table.find(key_hash));
            let ended = match expiry {
                Expiry::Idle { since } => one
                    .filter(sessions::last_seen_at.le(timestamp(since)))
                    .execute(connection)?,
                Expiry::TooOld => one.execute(connection)?,
            };
            let event = AuditEvent::new(Event::SessionExpired, now);
            let event = event.about(user).because(expiry.reason());
            Ok((ended == 1, (ended == 1).then_some(event)))
        })
    }

    /// Some of the sessions not seen since `unseen_since`, the key's hash first. An index finds them.
    pub fn find_unseen(
        connection: &mut AnyConnection,
        unseen_since: OffsetDateTime,
    ) -> QueryResult<Vec<(String, Session, User)>> {
        sessions::table
            .inner_join(users::table)
            .filter(sessions::last_seen_at.lt(timestamp(unseen_since)))
            .limit(PURGE_AT_ONCE)
            .select((sessions::key_hash, Session::as_select(), User::as_select()))
            .load(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_session_is_idle_from_the_end_of_its_idle_time() {
        let now = datetime!(2026-01-01 12:00 UTC);
        for (last_seen_at, expected) in [
            (datetime!(2026-01-01 11:00 UTC), "idle_timeout"),
            (datetime!(2026-01-01 11:00:01 UTC), "absolute_timeout"),
        ] {
            let hour = std::time::Duration::from_secs(3600);
            assert_eq!(Expiry::of(last_seen_at, hour, now).reason(), expected);
        }
    }
}
