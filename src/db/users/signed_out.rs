//! People whom the provider signs out.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::{User, email_key, lower};
use crate::db::schema::users;
use crate::db::{AnyConnection, precise};

impl User {
    /// Lists the people of `issuer` with this email, whatever the case of its letters: all of them, by id.
    pub(crate) fn list_of_email(
        connection: &mut AnyConnection,
        issuer: &str,
        email: &str,
    ) -> QueryResult<Vec<User>> {
        // Who has not signed in since there are keys has none.
        let is_named = users::email_key.eq(email_key(email)).or(users::email_key
            .is_null()
            .and(lower(users::email).eq(lower(email))));
        users::table
            .filter(users::issuer.eq(issuer))
            .filter(is_named)
            .order(users::id)
            .select(User::as_select())
            .load(connection)
    }

    /// Sets the time until which no sign-in of the person may have begun, and locks the person's row.
    pub(crate) fn update_signed_out_at(
        connection: &mut AnyConnection,
        id: &str,
        void_until: OffsetDateTime,
    ) -> QueryResult<()> {
        diesel::update(users::table.find(id))
            .set(users::signed_out_at.eq(precise(void_until)))
            .execute(connection)
            .map(drop)
    }

    /// Whether the provider has signed the person out since `began_at`, or at that time.
    pub(crate) fn is_signed_out_since(
        connection: &mut AnyConnection,
        issuer: &str,
        subject: &str,
        began_at: OffsetDateTime,
    ) -> QueryResult<bool> {
        let id: Option<String> = users::table
            .filter(users::issuer.eq(issuer).and(users::subject.eq(subject)))
            .filter(users::signed_out_at.ge(precise(began_at)))
            .select(users::id)
            .get_result(connection)
            .optional()?;
        Ok(id.is_some())
    }
}
