//! Asking the provider again about a session. The claim to do so is in the row, since several processes may serve the session.

use diesel::prelude::*;
use time::{Duration, OffsetDateTime};

use super::{DeletedSession, Session, deleted, id, names};
use crate::db::schema::sessions;
use crate::db::{AnyConnection, timestamp};

/// For how long a sign-in may be on its way into the database: its time is that at which it was sent there.
const UNDER_WAY: Duration = Duration::MINUTE;

/// How many sessions of so short a time are remembered. No person makes more.
const REMEMBERED: i64 = 100;

/// What was claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// What is sealed in the row.
    pub state: String,
    /// The person's sessions that had begun shortly before, by their ids.
    pub recent: Vec<String>,
}

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
    /// Claims the session of this round, which is of the person with `user_id`, unless somebody has a claim to it at `now`.
    pub fn claim(
        connection: &mut AnyConnection,
        key_hash: &str,
        user_id: &str,
        round: i32,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> QueryResult<Option<Claimed>> {
        // First: a session that begins in between is not among them.
        let recent = sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::created_at.ge(timestamp(now - UNDER_WAY)))
            .limit(REMEMBERED)
            .select(id())
            .load(connection)?;
        let state = diesel::update(sessions::table.find(key_hash))
            .filter(sessions::recheck_round.eq(round))
            .filter(
                sessions::recheck_claimed_until
                    .is_null()
                    .or(sessions::recheck_claimed_until.le(timestamp(now))),
            )
            .set(sessions::recheck_claimed_until.eq(timestamp(until)))
            .returning(sessions::state)
            .get_result(connection)
            .optional()?;
        Ok(state.map(|state| Claimed { state, recent }))
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

    /// Whether the session that this key hash names goes on in a round after this one, or the person has one that has begun
    /// since the claim of `claimed_at`: it is not among the `recent` ones of that time.
    pub fn is_followed(
        connection: &mut AnyConnection,
        key_hash: &str,
        user_id: &str,
        round: i32,
        claimed_at: OffsetDateTime,
        recent: &[String],
    ) -> QueryResult<bool> {
        let goes_on = names(key_hash).and(sessions::recheck_round.gt(round));
        let began = sessions::created_at
            .ge(timestamp(claimed_at - UNDER_WAY))
            .and(id().ne_all(recent));
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
