//! `doorward audit`: lists audit events.

use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, RangedI64ValueParser};
use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::Database;
use super::person::timestamp;
use crate::commands::output::{Form, json_text, lines};
use crate::db::{AuditEvent, AuditFilter, Db, Event, Person, User};
use crate::duration;
use crate::observe::logging::visible;

/// How many people with the same email to look up.
const NAMESAKES: i64 = 100;

/// Which events to list.
#[derive(Args, Debug)]
pub struct Audit {
    /// Only about this person: an id, an email, or an issuer and a subject; they may be deleted
    #[arg(long, num_args = 1..=2, value_names = ["PERSON", "SUBJECT"])]
    user: Vec<String>,
    /// Only events of this name
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Event::ALL.map(Event::name)))]
    event: Option<String>,
    /// Only events since then: a time (2026-11-22, 2026-11-22T08:00:00Z) or a duration before now (90m, 24h, 7d)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// How many events at most: the latest ones
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_once())]
    limit: u32,
    #[command(flatten)]
    form: Form,
}

fn at_once() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=100_000)
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Time(OffsetDateTime),
    /// This long before now.
    Ago(Duration),
}

impl Since {
    fn time(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Since::Time(time) => time,
            Since::Ago(ago) => now - ago,
        }
    }
}

/// A date, a time, or how long ago.
fn since(text: &str) -> Result<Since, String> {
    if let Ok(ago) = duration::parse_years(text.to_owned()) {
        return Ok(Since::Ago(ago));
    }
    let date = || {
        let date = Date::parse(text, format_description!("[year]-[month]-[day]"));
        Some(date.ok()?.midnight().assume_utc())
    };
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(date)
        .map(Since::Time)
        .ok_or_else(|| "write 24h, 2026-11-22 or 2026-11-22T08:00:00Z".to_owned())
}

/// What to print: the latest event last, as in a log.
pub fn run(audit: Audit, Database { db, clock, .. }: &Database) -> Result<String, String> {
    let filter = AuditFilter {
        people: people(db, &audit.user)?,
        event: audit.event,
        since: audit.since.map(|since| since.time(clock.now())),
    };
    let limit = i64::from(audit.limit);
    let found = db.run_blocking(move |connection| AuditEvent::list(connection, &filter, limit));
    let found = found.map_err(|cause| cause.to_string())?;
    if found.len() == audit.limit as usize {
        eprintln!("There may be more: raise --limit, or use a later --since.");
    }
    let latest_last = found.iter().rev();
    Ok(match audit.form {
        Form { json: true } => lines(latest_last.map(|event| json_text(&as_json(event)))),
        Form { json: false } => lines(latest_last.map(as_text)),
    })
}

/// The ids and subjects under which events may name the person of `arguments`. A deleted person is only in events.
fn people(db: &Db, arguments: &[String]) -> Result<Vec<Person>, String> {
    let (name, subject) = match arguments {
        [] => return Ok(Vec::new()),
        [name, rest @ ..] => (name, rest.first()),
    };
    let is_email = subject.is_none() && name.contains('@');
    let (wanted, of_issuer) = (name.clone(), subject.cloned());
    let users = db.run_blocking(move |connection| match &of_issuer {
        Some(subject) => Ok(Vec::from_iter(User::get(connection, &wanted, subject)?)),
        None if is_email => User::list_by_email(connection, &wanted, NAMESAKES),
        None => Ok(Vec::from_iter(User::get_by_id(connection, &wanted)?)),
    });
    let users = users.map_err(|cause| cause.to_string())?;
    let both = |user: User| {
        [
            Person::Id(user.id),
            Person::Subject(user.issuer, user.subject),
        ]
    };
    let mut people: Vec<Person> = users.into_iter().flat_map(both).collect();
    match subject {
        Some(subject) => people.push(Person::Subject(name.clone(), subject.clone())),
        None if is_email && people.is_empty() => {
            return Err(format!(
                "No person has the email {name}. Events contain no emails: name a deleted person by \
                 id, or by issuer and subject."
            ));
        }
        None if is_email => (),
        None => people.push(Person::Id(name.clone())),
    }
    Ok(people)
}

fn fields(event: &AuditEvent) -> [(&'static str, Option<&str>); 7] {
    [
        ("reason", event.reason.as_deref()),
        ("user_id", event.user_id.as_deref()),
        ("issuer", event.issuer.as_deref()),
        ("subject", event.subject.as_deref()),
        ("address", event.address.as_deref()),
        ("request_id", event.request_id.as_deref()),
        ("app", event.app.as_deref()),
    ]
}

/// As JSON: unknown values are null.
fn as_json(event: &AuditEvent) -> Value {
    let mut object = Map::new();
    object.insert("time".to_owned(), timestamp(event.occurred_at).into());
    object.insert("event".to_owned(), event.event.as_str().into());
    for (name, value) in fields(event) {
        object.insert(name.to_owned(), value.into());
    }
    object.insert("occurrences".to_owned(), event.occurrences.into());
    Value::Object(object)
}

/// As text: unknown values are left out.
fn as_text(event: &AuditEvent) -> String {
    let mut text = format!("{}  {:15}", timestamp(event.occurred_at), event.event);
    for (name, value) in fields(event) {
        if let Some(value) = value {
            text.push_str(&format!(" {name}={}", visible(value)));
        }
    }
    if let Some(occurrences) = event.occurrences {
        text.push_str(&format!(" occurrences={occurrences}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn since_is_read_in_three_forms() {
        let now = datetime!(2026-11-23 0:00 UTC);
        for text in ["2026-11-22", "2026-11-22T01:00:00+01:00", "24h"] {
            let time = since(text).map(|since| since.time(now));
            assert_eq!(time, Ok(datetime!(2026-11-22 0:00 UTC)), "{text}");
        }
        for wrong in [
            "",
            "yesterday",
            "22.11.2026",
            "24",
            "-1h",
            "2026-11-22 08:00",
        ] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
