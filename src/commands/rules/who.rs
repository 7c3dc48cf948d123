//! Who sends the request of `doorward rules test`.

use super::Test;
use crate::commands::person::Person;
use crate::commands::{Database, database};
use crate::db::User;
use crate::gateway::visitor::Visitor;

/// Somebody who has signed in before.
pub fn known(name: &str) -> Result<User, String> {
    let Database { db, .. } = database()?;
    let named = Person::named(&[name.to_owned()]);
    named.map_or_else(
        || Err("Name a person.".to_owned()),
        |person: Person| person.get(&db),
    )
}

/// Who sends the request of a test; nobody who is signed in if the command names nobody.
pub fn visitor<'a>(test: &'a Test, user: Option<&'a User>) -> Option<Visitor<'a>> {
    let auth_time = test
        .signed_in_ago
        .map(|ago| time::OffsetDateTime::now_utc() - ago);
    let named =
        user.is_some() || test.email.is_some() || !test.groups.is_empty() || test.subject.is_some();
    let visitor = match user {
        Some(user) => Visitor {
            user_id: &user.id,
            subject: &user.subject,
            name: user.name.as_deref(),
            email: user.email.as_deref(),
            email_verified: user.email_verified,
            preferred_username: user.preferred_username.as_deref(),
            groups: &user.groups.0,
            acr: test.acr.as_deref(),
            auth_time,
        },
        None => Visitor {
            user_id: "",
            subject: test.subject.as_deref().unwrap_or("-"),
            name: None,
            email: test.email.as_deref(),
            email_verified: true,
            preferred_username: None,
            groups: &test.groups,
            acr: test.acr.as_deref(),
            auth_time,
        },
    };
    named.then_some(visitor)
}
