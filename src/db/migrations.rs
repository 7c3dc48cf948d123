//! The files of `migrations/`, embedded so that applying them needs no other tool.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{AnyConnection, Error};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Our key among Postgres's advisory locks, the same in every process.
const ADVISORY_LOCK: i64 = 0x646f_6f72_7761_7264;

/// A migration of a large table takes as long as it takes. The pool does not reuse the connection.
const NO_TIMEOUTS: &str = "SET lock_timeout = 0; SET statement_timeout = 0; \
                           SET idle_in_transaction_session_timeout = 0;";

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

diesel::table! {
    /// Diesel's table of applied migrations.
    __diesel_schema_migrations (version) {
        version -> VarChar,
    }
}

/// Applies the pending migrations, one process at a time. If there are none, the role needs no right to change the schema
/// and no process waits for another.
pub fn apply(connection: &mut AnyConnection) -> Result<(), Error> {
    if pending(connection)?.is_empty() {
        return Ok(());
    }
    let applied = match connection {
        AnyConnection::Postgres(postgres) => postgres
            .batch_execute(&format!(
                "{NO_TIMEOUTS} SELECT pg_advisory_lock({ADVISORY_LOCK})"
            ))
            .map_err(Into::into)
            .and_then(|()| {
                let applied = run(postgres);
                postgres.batch_execute(&format!("SELECT pg_advisory_unlock({ADVISORY_LOCK})"))?;
                applied
            }),
        AnyConnection::Sqlite(sqlite) => sqlite.immediate_transaction(run),
    };
    for name in applied.map_err(failed)? {
        log::info!("applied the migration {name}");
    }
    Ok(())
}

/// The names of the pending migrations.
pub fn pending(connection: &mut AnyConnection) -> Result<Vec<String>, Error> {
    let embedded: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(failed)?;
    // Without the table, none was applied. It is not created here: the role may not be allowed to.
    let applied: Vec<String> = __diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .load(connection)
        .unwrap_or_default();
    let names = embedded.iter().map(|migration| migration.name());
    let missing = names.filter(|name| !applied.contains(&name.version().to_string()));
    Ok(missing.map(ToString::to_string).collect())
}

fn run<DB, C>(connection: &mut C) -> Outcome<Vec<String>>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB>,
{
    let applied = connection.run_pending_migrations(MIGRATIONS)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

fn failed(cause: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Migration(cause.to_string())
}
