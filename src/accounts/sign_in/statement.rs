//! The statements of a sign-in, each in its own file in this folder. Diesel prepares an UPDATE that it builds again each
//! time, since the columns that it sets may differ. These statements are constant, so they stay prepared.

use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Nullable, Text, Timestamp};
use time::PrimitiveDateTime;

use super::SignIn;
use crate::db::sql_file::{Backend, SqlFile};
use crate::db::{AuditEvent, User, precise, timestamp};

/// `update.sql`: the person, if they have signed in before and are not blocked.
pub(super) struct UpdateStatement<'a> {
    sign_in: &'a SignIn,
    groups: Option<String>,
    email_key: Option<String>,
    at: PrimitiveDateTime,
    began_at: PrimitiveDateTime,
    /// Of the subject and the email, among what the provider has ended.
    ended_hashes: (String, Option<String>),
}

/// `sign_in.sql`: the same, and everything else that a sign-in writes.
pub(super) struct SignInStatement<'a> {
    update: UpdateStatement<'a>,
    event: &'a AuditEvent,
}

impl<'a> UpdateStatement<'a> {
    pub fn new(sign_in: &'a SignIn) -> Self {
        UpdateStatement {
            sign_in,
            groups: sign_in.person.groups.to_column(),
            email_key: sign_in.person.email_key(),
            began_at: precise(sign_in.began_at),
            ended_hashes: sign_in.ended_hashes(),
            at: timestamp(sign_in.now),
        }
    }

    fn bind<'b>(&'b self, sql: &mut SqlFile<'_, '_, 'b>) -> QueryResult<()> {
        let person = &self.sign_in.person;
        sql.bind::<Nullable<Text>, _>(&person.name)?;
        sql.bind::<Nullable<Text>, _>(&person.email)?;
        sql.bind::<Bool, _>(&person.email_verified)?;
        sql.bind::<Nullable<Text>, _>(&self.groups)?;
        sql.bind::<Nullable<Text>, _>(&person.preferred_username)?;
        sql.bind::<Nullable<Text>, _>(&self.email_key)?;
        sql.bind::<Timestamp, _>(&self.at)?;
        sql.bind::<Text, _>(&person.issuer)?;
        sql.bind::<Text, _>(&person.subject)?;
        sql.bind::<Timestamp, _>(&self.began_at)?;
        sql.bind::<Nullable<Text>, _>(&self.sign_in.session.sid_hash)?;
        sql.bind::<Text, _>(&self.ended_hashes.0)?;
        sql.bind::<Nullable<Text>, _>(&self.ended_hashes.1)?;
        sql.bind::<Timestamp, _>(&self.began_at)
    }
}

impl<'a> SignInStatement<'a> {
    /// `event` gets the person from the statement.
    pub fn new(sign_in: &'a SignIn, event: &'a AuditEvent) -> Self {
        let update = UpdateStatement::new(sign_in);
        SignInStatement { update, event }
    }
}

impl QueryFragment<Backend> for UpdateStatement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let mut sql = SqlFile::new(include_str!("update.sql"), out.reborrow());
        self.bind(&mut sql)?;
        sql.end();
        Ok(())
    }
}

impl QueryFragment<Backend> for SignInStatement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let SignIn {
            session, attempt, ..
        } = self.update.sign_in;
        let mut sql = SqlFile::new(include_str!("sign_in.sql"), out.reborrow());
        self.update.bind(&mut sql)?;
        sql.bind::<Text, _>(&session.key_hash)?;
        sql.bind::<Text, _>(&session.state)?;
        sql.bind::<Nullable<Text>, _>(&session.sid_hash)?;
        sql.bind::<Nullable<Timestamp>, _>(&session.ends_at)?;
        sql.bind::<Nullable<Text>, _>(&session.address)?;
        sql.bind::<Nullable<Text>, _>(&session.user_agent)?;
        sql.bind::<Text, _>(&attempt.hash)?;
        sql.bind::<Timestamp, _>(&attempt.expires_at)?;
        sql.bind_event(self.event)?;
        sql.end();
        Ok(())
    }
}

impl QueryId for UpdateStatement<'_> {
    type QueryId = UpdateStatement<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryId for SignInStatement<'_> {
    type QueryId = SignInStatement<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for UpdateStatement<'_> {
    type SqlType = SqlTypeOf<AsSelect<User, Backend>>;
}

impl Query for SignInStatement<'_> {
    type SqlType = SqlTypeOf<AsSelect<User, Backend>>;
}

impl<Conn> RunQueryDsl<Conn> for UpdateStatement<'_> {}
impl<Conn> RunQueryDsl<Conn> for SignInStatement<'_> {}

#[cfg(test)]
mod tests {
    use crate::db::sql_file::parameters_are_in_order;

    #[test]
    fn the_parameters_of_each_file_are_numbered_as_they_come() {
        for (text, count) in [
            (include_str!("update.sql"), 14),
            (include_str!("sign_in.sql"), 27),
        ] {
            assert!(parameters_are_in_order(text, count), "{text}");
        }
    }
}
