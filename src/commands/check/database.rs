//! Whether the database is reachable, up to date, intact, and can be written. Nothing is created or changed: what is written
//! is rolled back.

use std::time::Duration;

use super::report::Finding;
use crate::clock::Reading;
use crate::db::{Condition, DatabaseUrl, Db, Error};

/// The checks below that each database has. Postgres has `encoding` and `rights` besides, and SQLite `integrity`.
pub const CHECKS: [&str; 3] = ["database", "migrations", "db_clock"];

/// How far the clocks of the database and of this host may be apart.
const CLOCK_WARNING: time::Duration = time::Duration::seconds(30);

/// Runs all checks.
pub fn check(url: DatabaseUrl, auto_migrate: bool) -> Vec<Finding> {
    let name = match &url {
        DatabaseUrl::Postgres(_) => "Postgres".to_owned(),
        DatabaseUrl::Sqlite(path) => format!("the SQLite file {}", path.display()),
    };
    let is_postgres = matches!(url, DatabaseUrl::Postgres(_));
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
            db.condition_blocking()?,
            db.read_clock_blocking()?,
        ))
    });
    let (is_read_only, pending, condition, reading) = match asked {
        Ok(asked) => asked,
        Err(cause) => return unreachable(&cause),
    };
    let fix_of_read_only = match is_postgres {
        true => "set DATABASE_URL to the primary, not a standby, with a role that may write",
        false => "let Doorward's user write to the file and its folder",
    };
    let has_all = pending.is_empty() && condition.missing_tables.is_empty();
    let mut findings = vec![
        database(
            &db,
            &name,
            is_read_only.then_some(fix_of_read_only),
            has_all,
        ),
        migrations(&pending, &condition, auto_migrate),
        clock(reading),
    ];
    match is_postgres {
        true => {
            findings.push(encoding(&db));
            findings.push(rights(&db, &condition));
        }
        false => findings.push(integrity(&db)),
    }
    findings
}

/// With all tables, a row is written to each and rolled back. `read_only` is the fix for a database that accepts no writes.
fn database(db: &Db, name: &str, read_only: Option<&'static str>, has_all_tables: bool) -> Finding {
    if let Some(fix_of_read_only) = read_only {
        return Finding::fault(
            "database",
            format!("{name} is reachable, but accepts no writes"),
            fix_of_read_only,
        );
    }
    if !has_all_tables {
        return Finding::ok("database", format!("{name} is reachable"));
    }
    match db.try_to_write() {
        Ok(()) => Finding::ok(
            "database",
            format!("{name} is reachable, and takes writes in each table"),
        ),
        Err(cause) => Finding::fault(
            "database",
            format!(
                "{name} is reachable, but a write failed: {}",
                one_line(&cause.to_string())
            ),
            "make room if the disk is full; a lock that another process holds must end; grant missing rights",
        ),
    }
}

fn encoding(db: &Db) -> Finding {
    match db.check_encoding() {
        Ok(()) => Finding::ok("encoding", "it can hold every name"),
        Err(Error::Encoding(encoding)) => Finding::fault(
            "encoding",
            format!("it is {encoding}, which can't hold every name, so Doorward does not start"),
            "create a database with ENCODING 'UTF8', and copy the data with `pg_dump OLD | psql NEW`",
        ),
        Err(cause) => Finding::unknown("encoding", one_line(&cause.to_string())),
    }
}

fn rights(db: &Db, condition: &Condition) -> Finding {
    let missing = &condition.missing_rights;
    if missing.is_empty() {
        return Finding::ok("rights", "the role has those that it needs on each table");
    }
    let role = db.role().ok().flatten();
    let role = role.unwrap_or_else(|| "the role".to_owned());
    Finding::fault(
        "rights",
        format!("{role} lacks {missing}"),
        format!("as the owner of the tables, run {}", missing.grant(&role)),
    )
}

fn integrity(db: &Db) -> Finding {
    const RESTORE: &str = "stop Doorward, keep a copy of the file, and restore a backup";
    match db.file_fault() {
        Ok(None) => Finding::ok("integrity", "SQLite's quick_check finds nothing wrong"),
        Ok(Some(fault)) => Finding::fault("integrity", one_line(&fault), RESTORE),
        Err(Error::Query(cause)) => {
            Finding::fault("integrity", one_line(&cause.to_string()), RESTORE)
        }
        Err(cause) => Finding::unknown("integrity", one_line(&cause.to_string())),
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

fn unreachable(cause: &Error) -> Vec<Finding> {
    vec![
        Finding::fault("database", one_line(&cause.to_string()), CHECK_URL),
        Finding::unknown("migrations", "needs the database"),
        Finding::unknown("db_clock", "needs the database"),
    ]
}

fn migrations(pending: &[String], condition: &Condition, auto_migrate: bool) -> Finding {
    let names = pending.join(", ");
    let missing = &condition.missing_tables;
    match (pending, auto_migrate) {
        ([], _) if !missing.is_empty() => Finding::fault(
            "migrations",
            format!(
                "all are applied, but these tables are not there, or the role can't find them: {}",
                missing.join(", ")
            ),
            "restore a backup; on Postgres, compare the role's search_path and USAGE on the schema",
        ),
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
