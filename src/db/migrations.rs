//! The files of `migrations/`, embedded, so that ops need no other tool.

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationVersion;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{AnyConnection, Error};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// A number of ours among Postgres's advisory locks, the same in every process.
const ADVISORY_LOCK: i64 = 0x646f_6f72_7761_7264;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Applies what is missing, one process at a time.
pub fn apply(connection: &mut AnyConnection) -> Result<(), Error> {
    let applied = match connection {
        AnyConnection::Postgres(postgres) => postgres
            .batch_execute(&format!("SELECT pg_advisory_lock({ADVISORY_LOCK})"))
            .map_err(Into::into)
            .and_then(|()| {
                let applied = names(postgres.run_pending_migrations(MIGRATIONS));
                postgres.batch_execute(&format!("SELECT pg_advisory_unlock({ADVISORY_LOCK})"))?;
                applied
            }),
        // Nothing is locked while there is nothing to do: a running neighbour may be writing.
        AnyConnection::Sqlite(sqlite) => match sqlite.has_pending_migration(MIGRATIONS) {
            Ok(false) => Ok(Vec::new()),
            _ => sqlite
                .immediate_transaction(|sqlite| names(sqlite.run_pending_migrations(MIGRATIONS))),
        },
    };
    for name in applied.map_err(|cause| Error::Migration(cause.to_string()))? {
        log::info!("applied the migration {name}");
    }
    Ok(())
}

/// The versions that are missing.
pub fn pending(connection: &mut AnyConnection) -> Result<Vec<String>, Error> {
    let pending = match connection {
        AnyConnection::Postgres(postgres) => postgres
            .pending_migrations(MIGRATIONS)
            .map(|all| all.iter().map(|one| one.name().to_string()).collect()),
        AnyConnection::Sqlite(sqlite) => sqlite
            .pending_migrations(MIGRATIONS)
            .map(|all| all.iter().map(|one| one.name().to_string()).collect()),
    };
    pending.map_err(|cause| Error::Migration(cause.to_string()))
}

fn names(applied: Outcome<Vec<MigrationVersion<'_>>>) -> Outcome<Vec<String>> {
    Ok(applied?.iter().map(ToString::to_string).collect())
}
