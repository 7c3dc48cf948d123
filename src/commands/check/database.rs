//! Whether the database is reachable and up to date. Nothing is created or changed.

use std::time::Duration;

use super::report::Finding;
use crate::clock::Reading;
use crate::db::{DatabaseUrl, Db};

/// The checks below.
pub const CHECKS: [&str; 3] = ["database", "migrations", "db_clock"];

/// How far the clocks of the database and of this host may be apart.
const CLOCK_WARNING: time::Duration = time::Duration::seconds(30);

/// Runs all checks.
pub fn check(url: DatabaseUrl, auto_migrate: bool) -> Vec<Finding> {
    let name = match &url {
        DatabaseUrl::Postgres(_) => "Postgres".to_owned(),
        DatabaseUrl::Sqlite(path) => format!("the SQLite file {}", path.display()),
    };
    if let DatabaseUrl::Sqlite(path) = &url
        && matches!(path.try_exists(), Ok(false))
    {
        return vec![
            Finding::warning(
                "database",
                format!("{name} does not exist yet: Doorward creates it at its start"),
                "none, if this is before the first start; otherwise check DATABASE_URL",
            ),
            Finding::unknown("migrations", "needs the database"),
            Finding::unknown("db_clock", "needs the database"),
        ];
    }
    let db = Db::existing(url);
    let asked = db.is_read_only().and_then(|read_only| {
        Ok((
            read_only,
            db.pending_migrations()?,
            db.read_clock_blocking()?,
        ))
    });
    match asked {
        Ok((true, pending, reading)) => vec![
            Finding::fault(
                "database",
                format!("{name} is reachable, but accepts no writes"),
                "set DATABASE_URL to the primary, not a standby, with a role that may write",
            ),
            migrations(&pending, auto_migrate),
            clock(reading),
        ],
        Ok((false, pending, reading)) => vec![
            Finding::ok("database", format!("{name} is reachable")),
            migrations(&pending, auto_migrate),
            clock(reading),
        ],
        Err(cause) => vec![
            Finding::fault("database", one_line(&cause.to_string()), CHECK_URL),
            Finding::unknown("migrations", "needs the database"),
            Finding::unknown("db_clock", "needs the database"),
        ],
    }
}

const CHECK_URL: &str =
    "check DATABASE_URL, and that the database is running and accepts this login";

/// The findings if the database has not responded in time.
pub fn timed_out(waited: Duration) -> Vec<Finding> {
    let waited = format!("no response within {} s", waited.as_secs());
    vec![
        Finding::fault("database", waited, CHECK_URL),
        Finding::unknown("migrations", "needs the database"),
        Finding::unknown("db_clock", "needs the database"),
    ]
}

fn migrations(pending: &[String], auto_migrate: bool) -> Finding {
    let names = pending.join(", ");
    match (pending, auto_migrate) {
        ([], _) => Finding::ok("migrations", "all are applied"),
        (_, true) => Finding::warning(
            "migrations",
            format!("missing: {names}"),
            "start Doorward, which applies them, or run `diesel migration run`",
        ),
        (_, false) => Finding::fault(
            "migrations",
            format!("missing, and AUTO_MIGRATE is false, so Doorward does not start: {names}"),
            "run `diesel migration run`",
        ),
    }
}

/// Sessions and audit events have the database's time; ID tokens are checked by this host's.
fn clock(reading: Option<Reading>) -> Finding {
    let Some(reading) = reading else {
        return Finding::ok("db_clock", "SQLite has the time of this host");
    };
    let ahead = reading.ahead_of_local();
    let secs = ahead.abs().as_seconds_f64().round();
    let message = match ahead.is_positive() {
        true => format!("the database's is {secs} s ahead of ours"),
        false => format!("the database's is {secs} s behind ours"),
    };
    match ahead.abs() > CLOCK_WARNING {
        true => Finding::warning("db_clock", message, "set the clocks of both hosts by NTP"),
        false => Finding::ok("db_clock", "the database's and ours agree within 30 s"),
    }
}

/// libpq's messages have several lines, and a finding has one.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches('.').to_owned()
}
