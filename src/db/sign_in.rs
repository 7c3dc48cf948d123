//! The one UPDATE that every sign-in does, kept prepared. Diesel prepares an UPDATE anew each time, since what it sets
//! may differ from time to time; to Postgres that is a second round trip. What this one sets never differs.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Nullable, Text, Timestamp};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::schema::users;
use super::{AnyConnection, NewUser, User, timestamp};

type Backend = <AnyConnection as Connection>::Backend;

struct SignIn<'a> {
    new: &'a NewUser,
    at: PrimitiveDateTime,
}

impl QueryId for SignIn<'_> {
    type QueryId = SignIn<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for SignIn<'_> {
    type SqlType = users::SqlType;
}

impl<Conn> RunQueryDsl<Conn> for SignIn<'_> {}

impl QueryFragment<Backend> for SignIn<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let NewUser {
            issuer,
            subject,
            name,
            email,
            email_verified,
        } = self.new;
        out.push_sql("UPDATE users SET name = ");
        out.push_bind_param::<Nullable<Text>, _>(name)?;
        out.push_sql(", email = ");
        out.push_bind_param::<Nullable<Text>, _>(email)?;
        out.push_sql(", email_verified = ");
        out.push_bind_param::<Bool, _>(email_verified)?;
        out.push_sql(", last_sign_in_at = ");
        out.push_bind_param::<Timestamp, _>(&self.at)?;
        out.push_sql(" WHERE issuer = ");
        out.push_bind_param::<Text, _>(issuer)?;
        out.push_sql(" AND subject = ");
        out.push_bind_param::<Text, _>(subject)?;
        out.push_sql(" AND blocked_at IS NULL RETURNING ");
        QueryFragment::<Backend>::walk_ast(&users::all_columns, out)
    }
}

impl User {
    /// Brings name and email up to date and records the sign-in of somebody who was here before and
    /// is not blocked.
    pub fn update(
        connection: &mut AnyConnection,
        new: &NewUser,
        now: OffsetDateTime,
    ) -> QueryResult<Option<User>> {
        let at = timestamp(now);
        SignIn { new, at }.get_result(connection).optional()
    }
}
