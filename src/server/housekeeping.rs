//! What is done again and again while Doorward serves: deletes what has expired, follows the database's clock, and watches
//! the SQLite file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt;

use crate::accounts::audit::Audit;
use crate::accounts::purge::{Doubt, PurgeError};
use crate::clock::Clock;
use crate::db::{Db, Error};
use crate::session::Sessions;

/// How often expired rows are deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// When they are deleted for the first time after the start: so much time has an operator who sees that the clock is wrong.
const FIRST_PURGE: Duration = Duration::from_secs(300);

/// How often a refusal to delete is logged.
const REFUSED_INTERVAL: Duration = Duration::from_secs(86_400);

/// How often the database's clock is read.
const CLOCK_INTERVAL: Duration = Duration::from_secs(60);

/// How far the database's clock and that of this machine may be apart without a warning.
const CLOCK_WARNING: time::Duration = time::Duration::seconds(30);

/// How often the SQLite file is looked at.
const FILE_INTERVAL: Duration = Duration::from_secs(2);

/// Sets `clock` by that of the database again and again, and logs when it and the clock of this machine differ. Returns at
/// once on SQLite.
pub async fn follow_database_clock(db: Db, clock: Clock) {
    let mut interval = rt::time::interval(CLOCK_INTERVAL);
    let mut differs = false;
    loop {
        interval.tick().await;
        match db.read_clock().await {
            Ok(Some(reading)) => {
                clock.set(reading);
                let ahead = reading.ahead_of_local();
                if differs != (ahead.abs() > CLOCK_WARNING) {
                    differs = !differs;
                    log_clocks(differs, ahead.as_seconds_f64().round());
                }
            }
            Ok(None) => return,
            // The clock counts on. Requests log it too.
            Err(cause) => log::debug!("the database's clock can't be read: {cause}"),
        }
    }
}

fn log_clocks(differ: bool, ahead_secs: f64) {
    match differ {
        true => log::warn!(
            "the database's clock is {} s {} this host's: set both by NTP. Sessions and audit events have the \
             database's time; ID tokens are checked by this host's",
            ahead_secs.abs(),
            if ahead_secs > 0.0 {
                "ahead of"
            } else {
                "behind"
            },
        ),
        false => log::info!("the database's clock and this host's agree again"),
    }
}

/// Logs that the SQLite file was replaced or deleted, and that it is back.
pub async fn watch_file(db: Db) {
    let mut interval = rt::time::interval(FILE_INTERVAL);
    let mut is_replaced = false;
    loop {
        interval.tick().await;
        match db.check_file().await {
            Err(cause @ Error::FileReplaced(_)) if !is_replaced => {
                log::error!("{cause}");
                is_replaced = true;
            }
            Ok(()) if is_replaced => {
                log::info!("the database file is back: it is read and written again");
                is_replaced = false;
            }
            _ => (),
        }
    }
}

/// Deletes expired sessions, used login attempts that are too old to come again, and old audit events.
pub async fn purge(sessions: Arc<Sessions>, audit: Arc<Audit>) {
    let start = rt::time::Instant::now() + FIRST_PURGE;
    let mut interval = rt::time::interval_at(start, PURGE_INTERVAL);
    let (mut refused_sessions, mut refused_events) = (Refused::default(), Refused::default());
    loop {
        interval.tick().await;
        match sessions.purge_expired().await {
            Ok(0) => (),
            Ok(ended) => log::info!("deleted {ended} expired sessions"),
            Err(PurgeError::Refused(doubt)) => refused_sessions.log(&doubt),
            Err(PurgeError::Database(cause)) => {
                log::warn!("expired sessions could not be deleted: {cause}");
            }
        }
        if let Err(cause) = sessions.purge_used().await {
            log::warn!("used login attempts could not be deleted: {cause}");
        }
        match audit.purge().await {
            Ok(0) => (),
            Ok(old) => log::info!("deleted {old} old audit events"),
            Err(PurgeError::Refused(doubt)) => refused_events.log(&doubt),
            Err(PurgeError::Database(cause)) => {
                log::warn!("old audit events could not be deleted: {cause}");
            }
        }
    }
}

/// Refusals to delete rows, logged once a day: an installation that nobody uses for weeks is no emergency.
#[derive(Default)]
struct Refused {
    logged_at: Option<Instant>,
}

impl Refused {
    fn log(&mut self, doubt: &Doubt) {
        let is_due = |logged_at: Instant| logged_at.elapsed() >= REFUSED_INTERVAL;
        if self.logged_at.is_none_or(is_due) {
            self.logged_at = Some(Instant::now());
            log::warn!("{doubt}");
        }
    }
}
