//! Sessions: one row for each signed-in browser, found by a hash of the cookie's secret.

mod expired;
mod named;
mod of_person;
mod of_sid;
mod recheck;
mod step_up;

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::schema::{sessions, users};
use super::{AnyConnection, User, timestamp};
pub use named::LiveSince;
use named::id;
pub(super) use named::names;
pub use recheck::{Claimed, Concluded};

/// How many sessions one transaction deletes, so that it locks nothing for long and no timeout ends it.
const DELETE_AT_ONCE: i64 = 500;

/// A session, as a row.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct Session {
    /// The person's id.
    pub user_id: String,
    /// Encrypted by the session store.
    pub state: String,
    /// The sign-in, in UTC.
    pub created_at: PrimitiveDateTime,
    /// The latest request, in UTC, to the minute.
    pub last_seen_at: PrimitiveDateTime,
    /// When the session at the provider ends, in UTC, if the provider says so.
    pub ends_at: Option<PrimitiveDateTime>,
    /// When the provider's word is too old, in UTC; if there is no time, that counts from the sign-in.
    pub recheck_at: Option<PrimitiveDateTime>,
    /// Until when nobody else asks the provider, in UTC.
    pub recheck_claimed_until: Option<PrimitiveDateTime>,
    /// How often the provider has answered.
    pub recheck_round: i32,
}

/// A row to insert, for the person who signs in.
#[derive(Clone, Debug, Default)]
pub struct NewSession {
    /// A hash of the cookie's secret.
    pub key_hash: String,
    /// Encrypted by the session store.
    pub state: String,
    /// A hash of the session at the provider, if the provider names it.
    pub sid_hash: Option<String>,
    /// When that session ends, in UTC, if the provider says so.
    pub ends_at: Option<PrimitiveDateTime>,
    /// The client's address, if it can be told.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
    /// For a session that goes on: when the provider's word is too old. That of a new one counts from the sign-in.
    pub recheck_at: Option<OffsetDateTime>,
}

/// What is left of a session that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct DeletedSession {
    /// The hash of the cookie's secret.
    pub key_hash: String,
    /// The person's id.
    pub user_id: String,
    /// The person's issuer, if they have a row. It may have been deleted by hand, in spite of the foreign key.
    pub issuer: Option<String>,
    /// The person's subject at the issuer.
    pub subject: Option<String>,
    /// The latest request, in UTC, to the minute.
    pub last_seen_at: PrimitiveDateTime,
    /// When the session at the provider ended or would have ended, in UTC, if the provider said so.
    pub ends_at: Option<PrimitiveDateTime>,
    /// What was sealed in its row, if the person ended it.
    pub state: Option<String>,
}

impl Session {
    /// The session and its person, in one query; `None` if the person is blocked. There is one row at most, so nothing here or in
    /// like queries says `LIMIT 1`: SQLite prepares a statement again whenever a bound limit comes.
    pub fn get(
        connection: &mut AnyConnection,
        key_hash: &str,
    ) -> QueryResult<Option<(Session, User)>> {
        sessions::table
            .inner_join(users::table)
            .filter(sessions::key_hash.eq(key_hash))
            .filter(users::blocked_at.is_null())
            .select((Session::as_select(), User::as_select()))
            .get_result(connection)
            .optional()
    }

    /// The key hash of the session that this one names, what is sealed in its row, and the round of that; `None` if it has
    /// ended.
    pub fn get_state(
        connection: &mut AnyConnection,
        key_hash: &str,
    ) -> QueryResult<Option<(String, String, i32)>> {
        sessions::table
            .filter(names(key_hash))
            .select((sessions::key_hash, sessions::state, sessions::recheck_round))
            .first(connection)
            .optional()
    }

    /// Adds a session of `user`. The same transaction must have checked that they are not blocked.
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
                sessions::sid_hash.eq(&new.sid_hash),
                sessions::ends_at.eq(new.ends_at),
                sessions::address.eq(&new.address),
                sessions::user_agent.eq(&new.user_agent),
            ))
            .execute(connection)
            .map(drop)
    }

    /// Replaces the state of this round. A session that has ended meanwhile stays ended, and newer state stays.
    pub fn update(
        connection: &mut AnyConnection,
        key_hash: &str,
        round: i32,
        state: &str,
    ) -> QueryResult<()> {
        diesel::update(sessions::table.find(key_hash))
            .filter(sessions::recheck_round.eq(round))
            .set(sessions::state.eq(state))
            .execute(connection)
            .map(drop)
    }

    /// Records that its browser sent a request at `now`, unless a later one is recorded.
    pub fn update_last_seen_at(
        connection: &mut AnyConnection,
        key_hash: &str,
        now: OffsetDateTime,
    ) -> QueryResult<usize> {
        diesel::update(sessions::table.find(key_hash))
            .filter(sessions::last_seen_at.lt(timestamp(now)))
            .set(sessions::last_seen_at.eq(timestamp(now)))
            .execute(connection)
    }

    /// Deletes the session that this key hash names, if it is there; with `unseen_since`, only if it has that key hash now,
    /// and was not seen after that time.
    pub(crate) fn delete(
        connection: &mut AnyConnection,
        key_hash: &str,
        unseen_since: Option<OffsetDateTime>,
    ) -> QueryResult<Option<DeletedSession>> {
        match unseen_since {
            Some(since) => diesel::delete(sessions::table.find(key_hash))
                .filter(sessions::last_seen_at.le(timestamp(since)))
                .returning(deleted())
                .get_result(connection)
                .optional(),
            None => diesel::delete(sessions::table.filter(names(key_hash)))
                .returning(deleted_with_state())
                .get_result(connection)
                .optional(),
        }
    }

    /// Deletes some of a person's sessions. Call [`User::lock`] first.
    pub(crate) fn delete_of_user(
        connection: &mut AnyConnection,
        user_id: &str,
    ) -> QueryResult<Vec<DeletedSession>> {
        let some = sessions::table
            .filter(sessions::user_id.eq(user_id))
            .limit(DELETE_AT_ONCE)
            .select(sessions::key_hash);
        let key_hashes: Vec<String> = some.load(connection)?;
        diesel::delete(sessions::table.filter(sessions::key_hash.eq_any(key_hashes)))
            .returning(deleted())
            .get_results(connection)
    }

    /// How many were seen since `idle_since`. The query reads only an index, not a row. Sessions beyond the absolute
    /// timeout are included until they are purged.
    pub fn count_live(
        connection: &mut AnyConnection,
        idle_since: OffsetDateTime,
    ) -> QueryResult<i64> {
        sessions::table
            .filter(sessions::last_seen_at.gt(timestamp(idle_since)))
            .count()
            .get_result(connection)
    }
}

type Deleted = (
    sessions::key_hash,
    sessions::user_id,
    SqlLiteral<Nullable<Text>>,
    SqlLiteral<Nullable<Text>>,
    sessions::last_seen_at,
    sessions::ends_at,
    SqlLiteral<Nullable<Text>>,
);

/// The columns of a [`DeletedSession`] without its state, which is most of its bytes.
fn deleted() -> Deleted {
    returned("NULL")
}

/// The same with its state: that of the very row that was deleted, though it may have changed a moment before.
fn deleted_with_state() -> Deleted {
    returned("sessions.state")
}

/// A DELETE joins no table on both databases, so the person's columns are looked up.
fn returned(state: &str) -> Deleted {
    (
        sessions::key_hash,
        sessions::user_id,
        sql("(SELECT issuer FROM users WHERE users.id = sessions.user_id)"),
        sql("(SELECT subject FROM users WHERE users.id = sessions.user_id)"),
        sessions::last_seen_at,
        sessions::ends_at,
        sql(state),
    )
}
