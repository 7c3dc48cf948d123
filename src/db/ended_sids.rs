//! The sessions at the provider that it has ended within the last hour.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use time::OffsetDateTime;

use super::schema::ended_sids;
use super::{AnyConnection, precise};

/// A session at the provider that it has ended. Sign-ins that began before are void.
pub struct EndedSid;

impl EndedSid {
    /// Records that the session with this hash ended at `now`. On Postgres, this waits for the sign-ins that are being
    /// written, which it can't see, and those that come later wait for this transaction and see it. So a session either
    /// is there to be deleted by the next statement, or does not start.
    pub(crate) fn record(
        connection: &mut AnyConnection,
        sid_hash: &str,
        now: OffsetDateTime,
    ) -> QueryResult<()> {
        if let AnyConnection::Postgres(postgres) = connection {
            postgres.batch_execute("LOCK TABLE ended_sids IN ACCESS EXCLUSIVE MODE")?;
        }
        let ended_at = ended_sids::ended_at.eq(precise(now));
        let known = diesel::update(ended_sids::table.find(sid_hash)).set(ended_at);
        if known.execute(connection)? == 0 {
            diesel::insert_into(ended_sids::table)
                .values((ended_sids::sid_hash.eq(sid_hash), ended_at))
                .execute(connection)?;
        }
        Ok(())
    }

    /// Whether the session with this hash ended after `began_at`, or at that time.
    pub(crate) fn is_ended_since(
        connection: &mut AnyConnection,
        sid_hash: &str,
        began_at: OffsetDateTime,
    ) -> QueryResult<bool> {
        let ended: Option<String> = ended_sids::table
            .find(sid_hash)
            .filter(ended_sids::ended_at.ge(precise(began_at)))
            .select(ended_sids::sid_hash)
            .first(connection)
            .optional()?;
        Ok(ended.is_some())
    }

    /// Deletes those that ended before `until` and returns how many.
    pub fn purge(connection: &mut AnyConnection, until: OffsetDateTime) -> QueryResult<usize> {
        let old = ended_sids::table.filter(ended_sids::ended_at.lt(precise(until)));
        diesel::delete(old).execute(connection)
    }
}
