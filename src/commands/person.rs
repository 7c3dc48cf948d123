//! How the command line names and shows a person.

use clap::Args;
use serde_json::{Value, json};
use time::PrimitiveDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::db::{Db, User};
use crate::observe::logging::visible;

/// How many people to list if several have the email.
const NAMESAKES: i64 = 10;

/// Which person.
#[derive(Args, Debug)]
pub struct Person {
    /// An id, or an email that one person has, or an issuer (then SUBJECT follows)
    // Ids may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    person: String,
    /// The person's identifier at the issuer (`sub`)
    #[arg(allow_hyphen_values = true)]
    subject: Option<String>,
}

impl Person {
    /// From one or two arguments.
    pub fn named(arguments: &[String]) -> Option<Person> {
        let person = arguments.first()?.clone();
        let subject = arguments.get(1).cloned();
        Some(Person { person, subject })
    }

    /// Looks the person up.
    ///
    /// # Errors
    /// There is no such person, or more than one.
    pub fn get(&self, db: &Db) -> Result<User, String> {
        let Person { person, subject } = self;
        let (wanted, of_issuer) = (person.clone(), subject.clone());
        let mut found = db
            .run_blocking(move |connection| match &of_issuer {
                Some(subject) => Ok(Vec::from_iter(User::get(connection, &wanted, subject)?)),
                None if wanted.contains('@') => User::list_by_email(connection, &wanted, NAMESAKES),
                None => Ok(Vec::from_iter(User::get_by_id(connection, &wanted)?)),
            })
            .map_err(|cause| cause.to_string())?;
        match (found.pop(), &found[..]) {
            (Some(user), []) => Ok(user),
            (Some(last), others) => {
                let ids: Vec<&str> = others.iter().chain([&last]).map(|user| &*user.id).collect();
                Err(format!(
                    "{} people have the email {}. Name one by id: {}",
                    ids.len(),
                    visible(person),
                    ids.join(", ")
                ))
            }
            (None, _) => Err(format!(
                "There is no person {}{}. Name a person by id, by email, or by issuer and subject; \
                 `doorward users list` shows everybody.",
                visible(person),
                subject
                    .iter()
                    .map(|it| format!(" {}", visible(it)))
                    .collect::<String>()
            )),
        }
    }
}

/// As JSON.
pub fn as_json(user: &User) -> Value {
    json!({
        "id": user.id,
        "issuer": user.issuer,
        "subject": user.subject,
        "name": user.name,
        "email": user.email,
        "email_verified": user.email_verified,
        "preferred_username": user.preferred_username,
        "groups": user.groups,
        "created_at": timestamp(user.created_at),
        "last_sign_in_at": timestamp(user.last_sign_in_at),
        "blocked_at": user.blocked_at.map(timestamp),
    })
}

/// The person's name in a line of text.
pub fn called(user: &User) -> String {
    let text = match (&user.name, &user.email) {
        (Some(name), Some(email)) => format!("{name} <{email}>"),
        (Some(only), None) | (None, Some(only)) => only.clone(),
        (None, None) => return visible(&format!("{} at {}", user.subject, user.issuer)),
    };
    plain(&text)
}

/// A name for a terminal: control characters are escaped, but the joiners, which some scripts need, are not.
pub fn plain(name: &str) -> String {
    let joiners = ['\u{200c}', '\u{200d}'];
    let pieces = name.split_inclusive(joiners).map(|piece| {
        let text = piece.trim_end_matches(joiners);
        visible(text) + &piece[text.len()..]
    });
    pieces.collect()
}

/// RFC 3339, for JSON.
pub fn timestamp(at: PrimitiveDateTime) -> String {
    let text = at.assume_utc().format(&Rfc3339);
    text.expect("the years of a database are those of RFC 3339")
}

/// To the minute, for text.
pub fn minute(at: PrimitiveDateTime) -> String {
    let text = at.format(format_description!(
        "[year]-[month]-[day] [hour]:[minute] UTC"
    ));
    text.expect("a date has all that the format names")
}
