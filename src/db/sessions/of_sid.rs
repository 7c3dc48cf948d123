//! Sessions by the session at the provider that they belong to.

use diesel::prelude::*;

use super::{DELETE_AT_ONCE, DeletedSession, Session, deleted};
use crate::db::AnyConnection;
use crate::db::schema::sessions;

impl Session {
    /// Deletes some of the sessions that belong to a session at the provider; with `user_id`, only those of that person.
    pub(crate) fn delete_of_sid(
        connection: &mut AnyConnection,
        sid_hash: &str,
        user_id: Option<&str>,
    ) -> QueryResult<Vec<DeletedSession>> {
        let mut some = sessions::table
            .filter(sessions::sid_hash.eq(sid_hash))
            .limit(DELETE_AT_ONCE)
            .select(sessions::key_hash)
            .into_boxed();
        if let Some(user_id) = user_id {
            some = some.filter(sessions::user_id.eq(user_id));
        }
        let key_hashes: Vec<String> = some.load(connection)?;
        diesel::delete(sessions::table.filter(sessions::key_hash.eq_any(key_hashes)))
            .returning(deleted())
            .get_results(connection)
    }

    /// Whether a session at the provider belongs to somebody else than this person.
    pub(crate) fn is_anothers(
        connection: &mut AnyConnection,
        sid_hash: &str,
        user_id: &str,
    ) -> QueryResult<bool> {
        let anothers: Option<String> = sessions::table
            .filter(sessions::sid_hash.eq(sid_hash))
            .filter(sessions::user_id.ne(user_id))
            .select(sessions::key_hash)
            .first(connection)
            .optional()?;
        Ok(anothers.is_some())
    }

    /// Whether any session belongs to a session at the provider.
    pub fn is_of_sid(connection: &mut AnyConnection, sid_hash: &str) -> QueryResult<bool> {
        let some: Option<String> = sessions::table
            .filter(sessions::sid_hash.eq(sid_hash))
            .select(sessions::key_hash)
            .first(connection)
            .optional()?;
        Ok(some.is_some())
    }

    /// Whether so many sessions, deleted by one transaction, may not be all.
    pub(crate) fn is_batch(count: usize) -> bool {
        i64::try_from(count).is_ok_and(|count| count >= DELETE_AT_ONCE)
    }
}
