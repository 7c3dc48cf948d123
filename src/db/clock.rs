//! The clock of Postgres. SQLite has none of its own.

use std::time::Instant;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Timestamp;
use time::PrimitiveDateTime;

use super::{AnyConnection, Db, Error};
use crate::clock::Reading;

/// How often it is read, of which the most exact reading counts. The first takes longer, since its query is prepared; and a busy
/// machine may hold up any of them. Processes that disagree by more than the time between a sign-in's beginning and the end of
/// that session at the provider would let the sign-in pass.
const READINGS: u32 = 4;

impl Db {
    /// What the database's clock shows; `None` on SQLite, where it is this machine's.
    pub fn read_clock_blocking(&self) -> Result<Option<Reading>, Error> {
        self.run_blocking(read_clock)
    }

    /// The same, on a thread that may block.
    pub async fn read_clock(&self) -> Result<Option<Reading>, Error> {
        self.read(read_clock).await
    }
}

fn read_clock(connection: &mut AnyConnection) -> QueryResult<Option<Reading>> {
    let AnyConnection::Postgres(postgres) = connection else {
        return Ok(None);
    };
    let mut reading = read_once(postgres)?;
    for _ in 1..READINGS {
        reading = reading.or_more_exact(read_once(postgres)?);
    }
    Ok(Some(reading))
}

fn read_once(postgres: &mut PgConnection) -> QueryResult<Reading> {
    let asked_at = Instant::now();
    let time = sql::<Timestamp>("clock_timestamp() AT TIME ZONE 'UTC'");
    let time: PrimitiveDateTime = diesel::select(time).get_result(postgres)?;
    Ok(Reading::answered(time.assume_utc(), asked_at))
}
