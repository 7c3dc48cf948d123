//! Sessions that have expired.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::{DELETE_AT_ONCE, DeletedSession, Session, deleted};
use crate::db::locking::{Contended, Locking};
use crate::db::schema::sessions;
use crate::db::{AnyConnection, timestamp};

impl Session {
    /// Deletes some of the sessions that were not seen since `unseen_since`. Skips those that another transaction has
    /// locked, so that no two wait for each other.
    pub(crate) fn delete_unseen(
        connection: &mut AnyConnection,
        unseen_since: OffsetDateTime,
    ) -> QueryResult<Vec<DeletedSession>> {
        let unseen = sessions::table
            .filter(sessions::last_seen_at.lt(timestamp(unseen_since)))
            .limit(DELETE_AT_ONCE)
            .select(sessions::key_hash);
        let key_hashes: Vec<String> =
            Locking::new(connection, Contended::Skip, unseen).load(connection)?;
        diesel::delete(sessions::table.filter(sessions::key_hash.eq_any(key_hashes)))
            .returning(deleted())
            .get_results(connection)
    }

    /// Deletes some of the sessions that the provider ended before `now`, likewise.
    pub(crate) fn delete_over(
        connection: &mut AnyConnection,
        now: OffsetDateTime,
    ) -> QueryResult<Vec<DeletedSession>> {
        let over = sessions::table
            .filter(sessions::ends_at.le(timestamp(now)))
            .limit(DELETE_AT_ONCE)
            .select(sessions::key_hash);
        let key_hashes: Vec<String> =
            Locking::new(connection, Contended::Skip, over).load(connection)?;
        diesel::delete(sessions::table.filter(sessions::key_hash.eq_any(key_hashes)))
            .returning(deleted())
            .get_results(connection)
    }
}
