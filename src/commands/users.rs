//! `doorward users`: list, show, block, unblock and delete people.

use clap::Subcommand;
use serde_json::json;

use super::paging::Paging;
use super::person::{self, Person, called, minute, plain};
use super::{Database, until_none, wait_for_caches};
use crate::accounts;
use crate::commands::output::{Form, json_text, lines};
use crate::db::{Db, SessionEntry, User, UserFilter};
use crate::observe::logging::visible;

/// What to do with people.
#[derive(Debug, Subcommand)]
pub enum Users {
    /// List people, by id
    List {
        /// Only those who are blocked
        #[arg(long)]
        blocked: bool,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        form: Form,
    },
    /// Show everything that is known about a person
    Show {
        #[command(flatten)]
        person: Person,
        #[command(flatten)]
        form: Form,
    },
    /// Sign a person out everywhere, and keep them out until they are unblocked
    Block {
        #[command(flatten)]
        person: Person,
        #[command(flatten)]
        form: Form,
    },
    /// Let a person sign in again
    Unblock {
        #[command(flatten)]
        person: Person,
        #[command(flatten)]
        form: Form,
    },
    /// Sign a person out everywhere and delete their record (audit events about them stay for AUDIT_RETENTION); to keep them out, block them instead
    Delete {
        #[command(flatten)]
        person: Person,
        #[command(flatten)]
        form: Form,
    },
}

/// Runs the command and returns what to print. By then, sessions that ended are in no process's cache.
pub fn run(users: Users, database: &Database) -> Result<String, String> {
    let db = &database.db;
    match users {
        Users::List {
            blocked,
            paging,
            form,
        } => {
            let filter = match blocked {
                true => UserFilter::Blocked,
                false => UserFilter::All,
            };
            list(db, filter, &paging, form)
        }
        Users::Show { person, form } => show(db, &person.get(db)?, form),
        Users::Block { person, form } => block(database, person.get(db)?, form),
        Users::Unblock { person, form } => unblock(database, person.get(db)?, form),
        Users::Delete { person, form } => delete(database, &person.get(db)?, form),
    }
}

fn list(db: &Db, filter: UserFilter, paging: &Paging, form: Form) -> Result<String, String> {
    let page = paging.page();
    let users = db.run_blocking(move |connection| User::list(connection, filter, page.clone()));
    let users = users.map_err(|cause| cause.to_string())?;
    paging.mention_next_page(users.last().map(|last| &*last.id), users.len());
    Ok(match form {
        Form { json: true } => lines(users.iter().map(|user| json_text(&person::as_json(user)))),
        Form { json: false } => lines(users.iter().map(|user| {
            let blocked = match user.blocked_at {
                Some(_) => "blocked",
                None => "",
            };
            let (id, seen) = (&user.id, minute(user.last_sign_in_at));
            format!("{id:22}  {seen}  {blocked:7}  {}", called(user))
        })),
    })
}

fn show(db: &Db, user: &User, form: Form) -> Result<String, String> {
    let user_id = user.id.clone();
    let sessions = db
        .run_blocking(move |connection| SessionEntry::count(connection, &user_id))
        .map_err(|cause| cause.to_string())?;
    if form.json {
        let mut document = person::as_json(user);
        document["sessions"] = json!(sessions);
        return Ok(self::document(&document));
    }
    let none = || "-".to_owned();
    let email = user
        .email
        .as_deref()
        .map(|email| match user.email_verified {
            true => format!("{} (verified)", visible(email)),
            false => format!("{} (not verified)", visible(email)),
        });
    let username = user.preferred_username.as_deref().map(visible);
    let groups: Vec<String> = user.groups.0.iter().map(|it| visible(it)).collect();
    let groups = (!groups.is_empty()).then(|| groups.join(", "));
    let rows = [
        ("id", user.id.clone()),
        ("issuer", visible(&user.issuer)),
        ("subject", visible(&user.subject)),
        ("name", user.name.as_deref().map_or_else(none, plain)),
        ("email", email.unwrap_or_else(none)),
        ("username", username.unwrap_or_else(none)),
        ("groups", groups.unwrap_or_else(none)),
        ("first sign-in", minute(user.created_at)),
        ("last sign-in", minute(user.last_sign_in_at)),
        (
            "blocked",
            user.blocked_at
                .map_or_else(|| "no".to_owned(), |at| format!("since {}", minute(at))),
        ),
        ("sessions", sessions.to_string()),
    ];
    Ok(lines(
        rows.iter().map(|(name, value)| format!("{name:15}{value}")),
    ))
}

fn block(database: &Database, user: User, form: Form) -> Result<String, String> {
    let (db, now) = (&database.db, database.clock.now());
    let id = user.id.clone();
    let ended = until_none(|| {
        let user = user.clone();
        let block = move |connection: &mut _| accounts::block::block(connection, &user, now);
        Ok(db.run_blocking(block)?.len())
    });
    let ended = ended.map_err(|cause| cause.to_string())?;
    wait_for_caches(database.session_cache);
    let user = db.run_blocking(move |connection| User::get_by_id(connection, &id));
    let user = user.map_err(|cause| cause.to_string())?;
    let user = user.ok_or("The person was deleted in the meantime.")?;
    Ok(match form {
        Form { json: true } => {
            document(&json!({"user": person::as_json(&user), "sessions_ended": ended}))
        }
        Form { json: false } => format!(
            "{} is blocked and signed out. Sessions ended: {ended}.\n",
            called(&user)
        ),
    })
}

fn unblock(database: &Database, user: User, form: Form) -> Result<String, String> {
    let (db, now) = (&database.db, database.clock.now());
    let blocked = user.clone();
    let unblocked =
        db.run_blocking(move |connection| accounts::block::unblock(connection, &blocked, now));
    let unblocked = unblocked.map_err(|cause| cause.to_string())?;
    let user = User {
        blocked_at: None,
        ..user
    };
    Ok(match (form, unblocked) {
        (Form { json: true }, _) => document(&json!({"user": person::as_json(&user)})),
        (_, true) => format!("{} can sign in again.\n", called(&user)),
        (_, false) => format!("{} was not blocked.\n", called(&user)),
    })
}

fn delete(database: &Database, user: &User, form: Form) -> Result<String, String> {
    let (db, now) = (&database.db, database.clock.now());
    let ended = until_none(|| {
        let user = user.clone();
        let delete = move |connection: &mut _| accounts::delete::delete(connection, &user, now);
        Ok(db.run_blocking(delete)?.len())
    });
    let ended = ended.map_err(|cause| cause.to_string())?;
    wait_for_caches(database.session_cache);
    Ok(match form {
        Form { json: true } => {
            document(&json!({"deleted": person::as_json(user), "sessions_ended": ended}))
        }
        Form { json: false } => {
            let next = match user.blocked_at {
                Some(_) => "a new person, not blocked",
                None => "a new person",
            };
            format!(
                "{} is deleted and signed out. Sessions ended: {ended}. At their next sign-in they are \
                 {next}.\n",
                called(user)
            )
        }
    })
}

fn document(document: &serde_json::Value) -> String {
    format!("{}\n", json_text(document))
}
