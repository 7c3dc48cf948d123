//! The sign-outs of the last minute, for a second click on "Sign out".

use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error::DatabaseError;
use time::OffsetDateTime;

use super::purge::PURGE_AT_ONCE;
use super::schema::sign_outs;
use super::{AnyConnection, timestamp};

/// What is kept of a session for a moment after it ended.
pub struct SignOut {
    /// A hash of the state that the provider gets.
    pub state_hash: String,
    /// Encrypted by the caller.
    pub id_token_hint: String,
}

impl SignOut {
    /// Adds it. If one with this state is there already, that one stays.
    pub fn create(
        connection: &mut AnyConnection,
        new: &SignOut,
        now: OffsetDateTime,
    ) -> QueryResult<()> {
        let created = diesel::insert_into(sign_outs::table)
            .values((
                sign_outs::state_hash.eq(&new.state_hash),
                sign_outs::id_token_hint.eq(&new.id_token_hint),
                sign_outs::created_at.eq(timestamp(now)),
            ))
            .execute(connection);
        match created {
            Err(DatabaseError(UniqueViolation, _)) => Ok(()),
            created => created.map(drop),
        }
    }

    /// Gets the encrypted hint of the sign-out with this state, unless it is older than `since`.
    pub fn get_hint(
        connection: &mut AnyConnection,
        state_hash: &str,
        since: OffsetDateTime,
    ) -> QueryResult<Option<String>> {
        sign_outs::table
            .find(state_hash)
            .filter(sign_outs::created_at.gt(timestamp(since)))
            .select(sign_outs::id_token_hint)
            .get_result(connection)
            .optional()
    }

    /// Deletes some of those up to `until` and returns how many. Call it again until it returns zero.
    pub fn purge(connection: &mut AnyConnection, until: OffsetDateTime) -> QueryResult<usize> {
        let old = sign_outs::table
            .filter(sign_outs::created_at.le(timestamp(until)))
            .limit(PURGE_AT_ONCE)
            .select(sign_outs::state_hash);
        let hashes: Vec<String> = old.load(connection)?;
        diesel::delete(sign_outs::table.filter(sign_outs::state_hash.eq_any(hashes)))
            .execute(connection)
    }
}
