//! Which migrations are applied, and whether we may know it.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::{AnyConnection, Error};

diesel::table! {
    /// Diesel's table of applied migrations.
    __diesel_schema_migrations (version) {
        version -> VarChar,
    }
}

/// The versions that are applied. Without the table, none was. It is not created here: the role may not be allowed to.
pub fn versions(connection: &mut AnyConnection) -> Result<Vec<String>, Error> {
    let cause = match load_applied(connection) {
        Ok(versions) => return Ok(versions),
        Err(cause) => cause,
    };
    let AnyConnection::Postgres(postgres) = connection else {
        return match cause.to_string().contains("no such table") {
            true => Ok(Vec::new()),
            false => Err(Error::Query(cause)),
        };
    };
    match find_table(postgres)? {
        Table::Missing => Ok(Vec::new()),
        Table::Forbidden(grant) => Err(Error::Forbidden(grant)),
        // Another process has created it in between, or something else is wrong.
        Table::Readable => load_applied(connection).map_err(Error::Query),
    }
}

fn load_applied(connection: &mut AnyConnection) -> QueryResult<Vec<String>> {
    let versions = __diesel_schema_migrations::table.select(__diesel_schema_migrations::version);
    versions.load(connection)
}

/// What Postgres has of the table of applied migrations.
enum Table {
    Missing,
    /// The statement that allows us to read it.
    Forbidden(String),
    Readable,
}

/// The catalogue is readable for everybody. Without a right to the schema, the table counts as not there, unless the
/// schema is the one that everybody uses.
const MISSING_RIGHTS: &str = "
    SELECT concat_ws('; ',
        CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN
            format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, current_user) END,
        CASE WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN
            format('GRANT SELECT ON %I.%I TO %I', n.nspname, c.relname, current_user) END
        ) AS missing
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = '__diesel_schema_migrations'
        AND (pg_table_is_visible(c.oid)
            OR n.nspname = 'public' AND NOT has_schema_privilege(n.oid, 'USAGE'))";

fn find_table(postgres: &mut PgConnection) -> Result<Table, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        missing: String,
    }
    let row: Option<Row> = diesel::sql_query(MISSING_RIGHTS)
        .get_result(postgres)
        .optional()
        .map_err(Error::Query)?;
    Ok(match row {
        None => Table::Missing,
        Some(Row { missing }) if missing.is_empty() => Table::Readable,
        Some(Row { missing }) => Table::Forbidden(missing),
    })
}
