//! `doorward sessions`: list and end sessions.

use clap::Subcommand;
use serde_json::json;

use super::paging::Paging;
use super::person::{Person, minute, plain, timestamp};
use super::{Database, until_none, wait_for_caches};
use crate::accounts::browser::browser_name;
use crate::accounts::end::{Which, Why, end};
use crate::commands::output::{Form, json_text, lines};
use crate::db::{self, Db, SessionEntry};

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List sessions, by id; expired ones stay for some minutes
    List {
        /// Only those of this person: an id, an email, or an issuer and a subject
        #[arg(long, num_args = 1..=2, value_names = ["PERSON", "SUBJECT"])]
        user: Vec<String>,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        form: Form,
    },
    /// End one session, or all sessions of a person
    Revoke {
        /// The session's id
        // It can begin with a hyphen.
        #[arg(
            allow_hyphen_values = true,
            required_unless_present = "user",
            conflicts_with = "user"
        )]
        session: Option<String>,
        /// All sessions of this person: an id, an email, or an issuer and a subject
        #[arg(long, num_args = 1..=2, value_names = ["PERSON", "SUBJECT"])]
        user: Vec<String>,
        #[command(flatten)]
        form: Form,
    },
}

/// Runs the command and returns what to print. By then, sessions that ended are in no process's cache.
pub fn run(sessions: Sessions, database: &Database) -> Result<String, String> {
    match sessions {
        Sessions::List { user, paging, form } => list(&database.db, &user, &paging, form),
        Sessions::Revoke {
            session,
            user,
            form,
        } => {
            let ended = revoke(database, session.as_deref(), &user)?;
            wait_for_caches(database.session_cache);
            Ok(match form {
                Form { json: true } => format!("{}\n", json!({"sessions_ended": ended})),
                Form { json: false } => format!("Sessions ended: {ended}.\n"),
            })
        }
    }
}

fn list(db: &Db, user: &[String], paging: &Paging, form: Form) -> Result<String, String> {
    let user = Person::named(user)
        .map(|person| person.get(db))
        .transpose()?;
    let user_id = user.map(|user| user.id);
    let page = paging.page();
    let sessions = db.run_blocking(move |connection| {
        SessionEntry::list(connection, user_id.clone(), page.clone())
    });
    let sessions = sessions.map_err(|cause| cause.to_string())?;
    paging.mention_next_page(sessions.last().map(SessionEntry::id), sessions.len());
    Ok(lines(sessions.iter().map(|session| {
        let id = session.id();
        let SessionEntry {
            user_id,
            address,
            user_agent,
            ..
        } = session;
        let browser = browser_name(user_agent.as_deref());
        match form {
            Form { json: true } => json_text(&json!({
                "id": id,
                "user_id": user_id,
                "created_at": timestamp(session.created_at),
                "last_seen_at": timestamp(session.last_seen_at),
                "browser": browser,
                "user_agent": user_agent,
                "address": address,
            })),
            Form { json: false } => format!(
                "{id:43}  {user_id:22}  since {}  seen {}  {browser}  {}",
                minute(session.created_at),
                minute(session.last_seen_at),
                plain(address.as_deref().unwrap_or("unknown address")),
            ),
        }
    })))
}

fn revoke(database: &Database, session: Option<&str>, user: &[String]) -> Result<usize, String> {
    let Database { db, clock, .. } = database;
    let now = clock.now();
    let end = |which| {
        let end = move |connection: &mut _| end(connection, &which, Why::Revoked, now);
        Ok(db.run_blocking(end)?.len())
    };
    let failed = |cause: db::Error| cause.to_string();
    if let Some(person) = Person::named(user) {
        let id = person.get(db)?.id;
        return until_none(|| end(Which::SomeOf(id.clone()))).map_err(failed);
    }
    let id = session.unwrap_or_default();
    match end(Which::One(id.to_owned())).map_err(failed)? {
        0 => Err(format!(
            "There is no session {id}: it has ended, or the id is wrong. `doorward sessions list` shows those that there are."
        )),
        ended => Ok(ended),
    }
}
