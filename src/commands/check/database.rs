//! Whether the database is reachable and up to date. Nothing is created or changed.

use std::time::Duration;

use super::report::Finding;
use crate::db::{DatabaseUrl, Db};

/// The checks below.
pub const CHECKS: [&str; 2] = ["database", "migrations"];

/// Runs both checks.
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
        ];
    }
    let db = Db::existing(url);
    let asked = db
        .is_read_only()
        .and_then(|read_only| Ok((read_only, db.pending_migrations()?)));
    match asked {
        Ok((true, pending)) => vec![
            Finding::fault(
                "database",
                format!("{name} is reachable, but accepts no writes"),
                "set DATABASE_URL to the primary, not a standby, with a role that may write",
            ),
            migrations(&pending, auto_migrate),
        ],
        Ok((false, pending)) => vec![
            Finding::ok("database", format!("{name} is reachable")),
            migrations(&pending, auto_migrate),
        ],
        Err(cause) => vec![
            Finding::fault("database", one_line(&cause.to_string()), CHECK_URL),
            Finding::unknown("migrations", "needs the database"),
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

/// libpq's messages have several lines, and a finding has one.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches('.').to_owned()
}
