//! Locks of rows and of names on Postgres. SQLite needs none: a transaction that writes has the whole database to itself.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_query;
use diesel::sql_types::{Array, Text};

use super::AnyConnection;

type Backend = <AnyConnection as Connection>::Backend;

/// Waits until no other transaction that has named one of these is open.
pub(crate) fn take_turns(connection: &mut AnyConnection, mut names: Vec<&str>) -> QueryResult<()> {
    // All in the same order, so that no two transactions deadlock.
    names.sort_unstable();
    match connection {
        AnyConnection::Sqlite(_) => Ok(()),
        AnyConnection::Postgres(connection) => sql_query(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1) AS name",
        )
        .bind::<Array<Text>, _>(names)
        .execute(connection)
        .map(drop),
    }
}

/// What a query does about rows that another transaction has locked.
#[derive(Clone, Copy)]
pub(super) enum Contended {
    Wait,
    Skip,
}

/// A SELECT that locks the rows that it finds until its transaction ends.
pub(super) struct Locking<Q> {
    query: Q,
    clause: &'static str,
}

impl<Q> Locking<Q> {
    pub fn new(connection: &AnyConnection, contended: Contended, query: Q) -> Self {
        let clause = match (connection, contended) {
            (AnyConnection::Sqlite(_), _) => "",
            (AnyConnection::Postgres(_), Contended::Wait) => " FOR UPDATE",
            (AnyConnection::Postgres(_), Contended::Skip) => " FOR UPDATE SKIP LOCKED",
        };
        Locking { query, clause }
    }
}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for Locking<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(self.clause);
        Ok(())
    }
}

impl<Q> QueryId for Locking<Q> {
    type QueryId = ();
    /// The text differs between the databases.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Locking<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, Conn> RunQueryDsl<Conn> for Locking<Q> {}
