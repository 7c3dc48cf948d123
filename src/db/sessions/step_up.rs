//! A session that goes on after another sign-in: a stronger one, or that of another tab.

use diesel::dsl::case_when;
use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::{NewSession, Session, id, names};
use crate::db::schema::sessions;
use crate::db::{AnyConnection, User, timestamp};

impl Session {
    /// Gives the session of `user` that has `key_hash` the key and the state of `new`, and returns whether it was there. The sign-in
    /// that began it stays the same. So do the session at the provider and its end, unless the provider says others.
    ///
    /// Another step-up may have done so a moment ago: it is the same session.
    pub(crate) fn replace_key(
        connection: &mut AnyConnection,
        key_hash: &str,
        new: &NewSession,
        user: &User,
        now: OffsetDateTime,
    ) -> QueryResult<bool> {
        let replaced = diesel::update(sessions::table)
            .filter(names(key_hash))
            .filter(sessions::user_id.eq(&user.id))
            .set((
                sessions::first_key_hash.eq(id().nullable()),
                sessions::former_key_hash.eq(case_when(
                    sessions::key_hash.eq(&new.key_hash),
                    sessions::former_key_hash,
                )
                .otherwise(sessions::key_hash.nullable())),
                sessions::key_hash.eq(&new.key_hash),
                sessions::state.eq(&new.state),
                sessions::last_seen_at.eq(timestamp(now)),
                new.sid_hash.as_ref().map(|sid| sessions::sid_hash.eq(sid)),
                new.ends_at.map(|at| sessions::ends_at.eq(at)),
                sessions::recheck_at.eq(new.recheck_at.map(timestamp)),
                sessions::recheck_claimed_until.eq(None::<PrimitiveDateTime>),
                sessions::recheck_round.eq(sessions::recheck_round + 1),
            ))
            .execute(connection)?;
        Ok(replaced == 1)
    }
}
