//! `doorward purge`: shows what has expired, and deletes it.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::person::{minute, timestamp};
use super::{Database, explain, until_none, wait_for_caches};
use crate::accounts::end::{Which, Why, end};
use crate::commands::output::Form;
use crate::db::{self, AuditEvent, Expired, Expiring};
use crate::settings::Settings;

/// What to do with expired rows.
#[derive(Args, Debug)]
pub struct Purge {
    /// Delete it, however much it is
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    form: Form,
}

/// Up to when rows have expired.
struct Expiry {
    idle_timeout: Duration,
    sessions: OffsetDateTime,
    /// At the provider.
    over: OffsetDateTime,
    audit_events: OffsetDateTime,
}

/// Runs the command and returns what to print. By then, sessions that ended are in no process's cache.
pub fn run(purge: &Purge) -> Result<String, String> {
    let settings = Settings::from_env(&|path| std::fs::read(path));
    let settings = settings.map_err(|complaints| explain(&complaints))?;
    let (retention, sessions) = (settings.database.audit_retention, settings.sessions);
    let database = Database::open(settings.database.url, sessions.cache)?;
    let now = database.clock.now();
    let idle_timeout = sessions.idle_timeout;
    let expiry = Expiry {
        idle_timeout,
        // As in `Sessions::purge_expired`.
        sessions: now - idle_timeout.min(sessions.absolute_timeout),
        over: now,
        audit_events: now - retention,
    };
    let outcome = match purge.yes {
        true => delete(&database, &expiry, now, purge.form),
        false => show(&database, &expiry, now, purge.form),
    };
    outcome.map_err(|cause| cause.to_string())
}

fn show(
    database: &Database,
    expiry: &Expiry,
    now: OffsetDateTime,
    form: Form,
) -> Result<String, db::Error> {
    let count = |table: Expiring, until| {
        let count = move |connection: &mut _| table.count_before(connection, until);
        database.db.run_blocking(count)
    };
    let unseen_since = expiry.sessions;
    let unseen: Expired = count(Expiring::Sessions, unseen_since)?;
    let over: Expired = count(Expiring::OverAtProvider { unseen_since }, expiry.over)?;
    let sessions = unseen.and(over);
    let events: Expired = count(Expiring::AuditEvents, expiry.audit_events)?;
    let now = PrimitiveDateTime::new(now.date(), now.time());
    Ok(match form.json {
        true => {
            let document = json!({
                "time": timestamp(now),
                "sessions": {"expired": sessions.expired, "of": sessions.of},
                "audit_events": {"expired": events.expired, "of": events.of},
            });
            format!("{document}\n")
        }
        false => format!(
            "The clock shows {}. Expired: {sessions} sessions, {events} audit events.\n\
             Nothing was deleted: `doorward purge --yes` does that.\n",
            minute(now)
        ),
    })
}

fn delete(
    database: &Database,
    expiry: &Expiry,
    now: OffsetDateTime,
    form: Form,
) -> Result<String, db::Error> {
    let db = &database.db;
    let &Expiry {
        idle_timeout,
        sessions,
        over,
        audit_events,
    } = expiry;
    let end_all = |which: fn(OffsetDateTime) -> Which, until| {
        until_none(|| {
            let end = move |connection: &mut _| {
                end(
                    connection,
                    &which(until),
                    Why::Expired { idle_timeout },
                    now,
                )
            };
            Ok(db.run_blocking(end)?.len())
        })
    };
    let sessions = end_all(Which::SomeUnseenSince, sessions)? + end_all(Which::SomeOverBy, over)?;
    let events = until_none(|| {
        db.run_blocking(move |connection| AuditEvent::purge(connection, audit_events))
    })?;
    wait_for_caches(database.session_cache);
    Ok(match form.json {
        true => {
            let document = json!({"deleted": {"sessions": sessions, "audit_events": events}});
            format!("{document}\n")
        }
        false => format!("Deleted: {sessions} sessions, {events} audit events.\n"),
    })
}
