//! Keeping people out: blocked until somebody lets them in again, or deleted with all that is known of
//! them. Either ends their sessions.

use diesel::prelude::*;
use time::OffsetDateTime;

use crate::db::schema::{sessions, users};
use crate::db::{AnyConnection, User, timestamp};

impl User {
    /// Blocks the person with this id, and ends their sessions: how many. Somebody who is blocked
    /// already stays blocked since then.
    ///
    /// The row comes first: [`User::sign_in`] locks it, so that a sign-in of this moment is
    /// either refused or its session is among those that end here.
    pub fn block(
        connection: &mut AnyConnection,
        id: &str,
        now: OffsetDateTime,
    ) -> QueryResult<usize> {
        connection.transaction(|connection| {
            diesel::update(users::table.find(id).filter(users::blocked_at.is_null()))
                .set(users::blocked_at.eq(Some(timestamp(now))))
                .execute(connection)?;
            end_sessions(connection, id)
        })
    }

    /// Lets the person with this id sign in again; whether they were blocked.
    pub fn unblock(connection: &mut AnyConnection, id: &str) -> QueryResult<bool> {
        diesel::update(
            users::table
                .find(id)
                .filter(users::blocked_at.is_not_null()),
        )
        .set(users::blocked_at.eq(None::<time::PrimitiveDateTime>))
        .execute(connection)
        .map(|rows| rows == 1)
    }

    /// Removes the person with this id, and their sessions: how many. At their next sign-in they
    /// are somebody new.
    pub fn delete(connection: &mut AnyConnection, id: &str) -> QueryResult<usize> {
        connection.transaction(|connection| {
            let ended = end_sessions(connection, id)?;
            // A session that came into being since then goes by the foreign key's cascade.
            diesel::delete(users::table.find(id)).execute(connection)?;
            Ok(ended)
        })
    }
}

/// Removes all sessions of the person with this id; how many.
pub fn end_sessions(connection: &mut AnyConnection, user_id: &str) -> QueryResult<usize> {
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id))).execute(connection)
}
