//! Sessions that their person ends.

use diesel::prelude::*;

use super::{DELETE_AT_ONCE, DeletedSession, Session, deleted_with_state, names};
use crate::db::AnyConnection;
use crate::db::schema::sessions;

impl Session {
    /// Deletes the session that this key hash names, if it is there and is this person's.
    pub(crate) fn delete_of(
        connection: &mut AnyConnection,
        user_id: &str,
        key_hash: &str,
    ) -> QueryResult<Option<DeletedSession>> {
        diesel::delete(sessions::table)
            .filter(names(key_hash))
            .filter(sessions::user_id.eq(user_id))
            .returning(deleted_with_state())
            .get_result(connection)
            .optional()
    }

    /// Deletes some of a person's sessions, but not that which this key hash names. Lock the person first.
    pub(crate) fn delete_others(
        connection: &mut AnyConnection,
        user_id: &str,
        but: &str,
    ) -> QueryResult<Vec<DeletedSession>> {
        let some = sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::key_hash.ne(but))
            .filter(
                sessions::former_key_hash
                    .is_null()
                    .or(sessions::former_key_hash.ne(but)),
            )
            .filter(
                sessions::first_key_hash
                    .is_null()
                    .or(sessions::first_key_hash.ne(but)),
            )
            .limit(DELETE_AT_ONCE)
            .select(sessions::key_hash);
        let key_hashes: Vec<String> = some.load(connection)?;
        diesel::delete(sessions::table.filter(sessions::key_hash.eq_any(key_hashes)))
            .returning(deleted_with_state())
            .get_results(connection)
    }
}
