//! Whether the database is there and up to date. Nothing is made or changed.

use std::time::Duration;

use super::report::Finding;
use crate::db::{DatabaseUrl, Db};

/// The checks below.
pub const CHECKS: [&str; 2] = ["database", "migrations"];

/// Asks the database.
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
                format!("{name} is not there yet: Doorward makes it when it starts"),
                "nothing, if this is before the first start; else check DATABASE_URL",
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
                format!("{name} answers, but takes no writes"),
                "name the primary in DATABASE_URL, not a standby, and a role that may write",
            ),
            migrations(&pending, auto_migrate),
        ],
        Ok((false, pending)) => vec![
            Finding::ok("database", format!("{name} answers")),
            migrations(&pending, auto_migrate),
        ],
        Err(cause) => vec![
            Finding::fault("database", one_line(&cause.to_string()), CHECK_URL),
            Finding::unknown("migrations", "needs the database"),
        ],
    }
}

const CHECK_URL: &str = "check DATABASE_URL, and that the database runs and lets us in";

/// It hangs.
pub fn no_answer(waited: Duration) -> Vec<Finding> {
    let waited = format!("no answer within {} s", waited.as_secs());
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

/// libpq writes several, and a check has one.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches('.').to_owned()
}
