//! Whether expired rows may be deleted. A clock that is far ahead makes all rows look expired: then none is deleted. Expired
//! sessions open nothing meanwhile, and audit events are only kept for longer.

use std::fmt;

use diesel::QueryResult;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use crate::clock::Clock;
use crate::db::{self, AnyConnection, Db, Expired, Expiring, was_used_between};

/// A process that runs deletes rows minutes after they expire. It finds some that expired longer ago than this after a
/// long stop, or if the clock is wrong. Then somebody must have signed in within this time, which a wrong clock allows
/// nobody, since ID tokens expire too.
const LONG: Duration = Duration::DAY;

/// How far the database's clock may be from this machine's. If they are further apart, an accepted ID token does not
/// confirm the database's.
const CLOCKS_AGREE: Duration = Duration::HOUR;

/// Why expired rows are not deleted: the clock may be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    table: Expiring,
    count: Expired,
    now: OffsetDateTime,
    /// How far the clock is ahead of this machine's.
    ahead_of_local: Duration,
}

/// Why a purge has not deleted everything that has expired.
#[derive(Debug)]
pub enum PurgeError {
    /// The clock may be wrong.
    Refused(Doubt),
    /// The database failed.
    Database(db::Error),
}

impl From<db::Error> for PurgeError {
    fn from(cause: db::Error) -> Self {
        PurgeError::Database(cause)
    }
}

/// Succeeds if the rows of `table` from before `until` may be deleted.
pub async fn check(
    db: &Db,
    table: Expiring,
    until: OffsetDateTime,
    clock: &Clock,
) -> Result<(), PurgeError> {
    let clock = clock.clone();
    let doubt = db.read(move |connection| doubt(connection, table, until, &clock));
    match doubt.await? {
        Some(doubt) => Err(PurgeError::Refused(doubt)),
        None => Ok(()),
    }
}

/// The reason not to delete the rows of `table` from before `until`, if there is one: the database's clock and this machine's
/// contradict each other; or rows expired long ago, nobody has confirmed the clock, and more than half of all rows would go.
/// Usually it is one query that finds nothing in an index.
pub fn doubt(
    connection: &mut AnyConnection,
    table: Expiring,
    until: OffsetDateTime,
    clock: &Clock,
) -> QueryResult<Option<Doubt>> {
    let (now, ahead_of_local) = (clock.now(), clock.ahead_of_local());
    let one_is_wrong = ahead_of_local.abs() >= CLOCKS_AGREE;
    let in_doubt_before = if one_is_wrong { until } else { until - LONG };
    if !table.has_rows_before(connection, in_doubt_before)? {
        return Ok(None);
    }
    // Not until any later time: rows from the future are there after a clock was set back.
    if !one_is_wrong && was_used_between(connection, now - LONG, now + LONG)? {
        return Ok(None);
    }
    let count = table.count_before(connection, until)?;
    Ok((one_is_wrong || count.is_most()).then_some(Doubt {
        table,
        count,
        now,
        ahead_of_local,
    }))
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = match self.table {
            Expiring::Sessions | Expiring::OverAtProvider { .. } => "sessions",
            Expiring::AuditEvents => "audit events",
        };
        let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
        let now = self.now.format(format);
        let now = now.expect("a time has all that the format names");
        write!(
            f,
            "{} {rows} have expired by the clock, which shows {now}. They are not deleted yet, ",
            self.count
        )?;
        if self.ahead_of_local.abs() >= CLOCKS_AGREE {
            let secs = self.ahead_of_local.whole_seconds().abs();
            write!(
                f,
                "because the database's clock and this host's are {secs} s apart. "
            )?;
        } else {
            f.write_str("because nobody has signed in for a day by that clock. ")?;
        }
        f.write_str(
            "If the clock is wrong, set it: no row is lost. If it is right, they are deleted after the next \
             sign-in, or now by `doorward purge --yes`",
        )
    }
}
