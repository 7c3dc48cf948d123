//! Asking the provider again about a session. The claim to do so is in the row, since several processes may serve the session.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::{DeletedSession, Session, deleted, names};
use crate::db::schema::sessions;
use crate::db::{AnyConnection, timestamp};

/// What came of asking.
#[derive(Clone, Debug, Default)]
pub struct Concluded {
    /// The new state, sealed, if it changed.
    pub state: Option<String>,
    /// When the provider's word is too old.
    pub recheck_at: Option<OffsetDateTime>,
    /// When it is asked again, if it did not answer.
    pub retry_at: Option<OffsetDateTime>,
    /// When the session at the provider ends, if the provider says so now.
    pub ends_at: Option<OffsetDateTime>,
}

impl Session {
    /// Claims the session of this round, unless somebody has a claim to it at `now`: what is sealed in its row.
    pub fn claim(
        connection: &mut AnyConnection,
        key_hash: &str,
        round: i32,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> QueryResult<Option<String>> {
        diesel::update(sessions::table.find(key_hash))
            .filter(sessions::recheck_round.eq(round))
            .filter(
                sessions::recheck_claimed_until
                    .is_null()
                    .or(sessions::recheck_claimed_until.le(timestamp(now))),
            )
            .set(sessions::recheck_claimed_until.eq(timestamp(until)))
            .returning(sessions::state)
            .get_result(connection)
            .optional()
    }

    /// Records what came of asking in this round, and begins the next. Returns whether the session was still there in this
    /// round.
    pub fn conclude(
        connection: &mut AnyConnection,
        key_hash: &str,
        round: i32,
        concluded: &Concluded,
    ) -> QueryResult<bool> {
        let times = (
            sessions::recheck_at.eq(concluded.recheck_at.map(timestamp)),
            sessions::recheck_claimed_until.eq(concluded.retry_at.map(timestamp)),
            sessions::recheck_round.eq(sessions::recheck_round + 1),
            concluded
                .ends_at
                .map(|at| sessions::ends_at.eq(timestamp(at))),
        );
        let session = diesel::update(sessions::table.find(key_hash))
            .filter(sessions::recheck_round.eq(round));
        let updated = match &concluded.state {
            Some(state) => session
                .set((times, sessions::state.eq(state)))
                .execute(connection)?,
            None => session.set(times).execute(connection)?,
        };
        Ok(updated == 1)
    }

    /// Whether the session that has this key hash or had it before goes on in a round after this one, or the person has one
    /// that began after `since`. That time is whole seconds: one that began in the same second does not count.
    pub fn is_followed(
        connection: &mut AnyConnection,
        key_hash: &str,
        user_id: &str,
        round: i32,
        since: OffsetDateTime,
    ) -> QueryResult<bool> {
        let goes_on = names(key_hash).and(sessions::recheck_round.gt(round));
        let began = sessions::created_at.gt(timestamp(since));
        let followed = sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(goes_on.or(began))
            .select(sessions::key_hash)
            .first::<String>(connection);
        Ok(followed.optional()?.is_some())
    }

    /// Deletes a session, if it is there in this round.
    pub(crate) fn delete_in_round(
        connection: &mut AnyConnection,
        key_hash: &str,
        round: i32,
    ) -> QueryResult<Option<DeletedSession>> {
        diesel::delete(sessions::table.find(key_hash))
            .filter(sessions::recheck_round.eq(round))
            .returning(deleted())
            .get_result(connection)
            .optional()
    }
}
