//! The files of `migrations/`, embedded so that applying them needs no other tool.

mod applied;

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{AnyConnection, Error, sqlite_lock};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Our key among Postgres's advisory locks, the same in every process.
const ADVISORY_LOCK: i64 = 0x646f_6f72_7761_7264;

/// How often to ask whether another process still migrates.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// How long one try of a migration waits for a table's lock, and how long it waits before the next. Whoever uses the
/// table waits behind us for as long as we wait for the lock.
const TABLE_WAIT: Duration = Duration::from_secs(1);

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Applies the pending migrations, one process at a time. If there are none, the role needs no right to change the schema
/// and no process waits for another.
///
/// # Errors
/// [`Error::StillLocked`] after waiting for `patience`.
pub fn apply(connection: &mut AnyConnection, patience: Duration) -> Result<(), Error> {
    if pending(connection)?.is_empty() {
        return Ok(());
    }
    match connection {
        AnyConnection::Postgres(postgres) => apply_to_postgres(postgres, patience),
        AnyConnection::Sqlite(sqlite) => apply_to_sqlite(sqlite, patience),
    }
}

/// Each migration is one transaction that also has the lock and the timeouts. Those of a connection would stay behind on a
/// server's connection that PgBouncer gives to others.
fn apply_to_postgres(postgres: &mut PgConnection, patience: Duration) -> Result<(), Error> {
    let mut turn = Wait::new("another process that migrates".to_owned(), patience);
    let mut tables = None;
    loop {
        let began = Instant::now();
        let mut tried = None;
        let outcome = postgres.transaction(|postgres| apply_next(postgres, &mut tried));
        match (outcome, tried) {
            (Ok(Step::Applied(version)), _) => {
                log::info!("applied the migration {version}");
                tables = None;
            }
            (Ok(Step::AllApplied), _) => return Ok(()),
            (Ok(Step::Busy), _) => turn.pause(ASK_EVERY, || {
                format!(
                    "another process migrates. Start again when it is done. If none migrates, end the \
                     connection that this names: SELECT pid FROM pg_locks WHERE locktype = 'advisory' \
                     AND objid = {}",
                    ADVISORY_LOCK & 0xffff_ffff
                )
            })?,
            // Postgres says that it is the lock in its own language, and Diesel has no kind for it. What fails after
            // that long for another reason is tried again as well, which does no harm.
            (Err(cause), Some(name)) if began.elapsed() >= TABLE_WAIT => {
                let what = format!("the lock of a table that the migration {name} changes");
                let wait = tables.get_or_insert_with(|| Wait::new(what, patience));
                wait.pause(TABLE_WAIT, || {
                    format!(
                        "a transaction of somebody else locks a table that the migration {name} \
                         changes. End it, then start again. This lists who locks what: SELECT pid, \
                         relation::regclass, mode FROM pg_locks WHERE relation IS NOT NULL ({cause})"
                    )
                })?;
            }
            (Err(cause), _) => return Err(failed(cause)),
        }
    }
}

/// What came of a transaction.
enum Step {
    Applied(String),
    AllApplied,
    /// Another process migrates.
    Busy,
}

/// Applies the next migration, whose name is then in `tried`. Within a transaction.
fn apply_next(postgres: &mut PgConnection, tried: &mut Option<String>) -> Result<Step, Cause> {
    let timeouts = format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
         SET LOCAL lock_timeout = {}",
        TABLE_WAIT.as_millis()
    );
    postgres.batch_execute(&timeouts)?;
    let take_turn = format!("pg_try_advisory_xact_lock({ADVISORY_LOCK})");
    if !diesel::select(diesel::dsl::sql::<Bool>(&take_turn)).get_result(postgres)? {
        return Ok(Step::Busy);
    }
    let pending = postgres.pending_migrations(MIGRATIONS)?;
    let Some(next) = pending.first() else {
        return Ok(Step::AllApplied);
    };
    *tried = Some(next.name().to_string());
    let version = postgres.run_migration(next)?;
    Ok(Step::Applied(version.to_string()))
}

/// A wait for somebody else, which the log mentions once.
struct Wait {
    what: String,
    patience: Duration,
    until: Instant,
    is_told: bool,
}

impl Wait {
    fn new(what: String, patience: Duration) -> Self {
        Wait {
            what,
            patience,
            until: Instant::now() + patience,
            is_told: false,
        }
    }

    /// Waits for `pause`. An error, with the way out, if the patience is over.
    fn pause(&mut self, pause: Duration, fix: impl FnOnce() -> String) -> Result<(), Error> {
        if Instant::now() >= self.until {
            return Err(Error::StillLocked(self.patience, fix()));
        }
        tell_once(&mut self.is_told, &self.what, self.patience);
        std::thread::sleep(pause);
        Ok(())
    }
}

fn apply_to_sqlite(sqlite: &mut SqliteConnection, patience: Duration) -> Result<(), Error> {
    let mut run = |wait| {
        let run = |sqlite: &mut SqliteConnection| {
            sqlite.immediate_transaction(|sqlite| {
                let applied = sqlite.run_pending_migrations(MIGRATIONS)?;
                Ok::<_, Cause>(applied.iter().map(ToString::to_string).collect())
            })
        };
        sqlite_lock::with_wait(sqlite, wait, run).map_err(Error::Query)
    };
    let mut applied: Result<Vec<String>, Cause> = run(Duration::ZERO)?;
    if applied.as_ref().is_err_and(is_file_locked) {
        tell_once(&mut false, SQLITE_HOLDER, patience);
        applied = run(patience)?;
    }
    match applied {
        Ok(names) => {
            for name in names {
                log::info!("applied the migration {name}");
            }
            Ok(())
        }
        Err(cause) if is_file_locked(&cause) => Err(Error::file_locked(patience)),
        Err(cause) => Err(failed(cause)),
    }
}

/// Who may have locked an SQLite file.
const SQLITE_HOLDER: &str = "another process that migrates, or holds the database's lock";

fn is_file_locked(cause: &Cause) -> bool {
    sqlite_lock::is_locked(&cause.to_string())
}

/// Says what is waited for, and how long at most.
fn tell_once(is_told: &mut bool, what: &str, patience: Duration) {
    if !std::mem::replace(is_told, true) {
        log::warn!("waiting for {what}, {} s at most", patience.as_secs());
    }
}

/// The names of the pending migrations.
///
/// # Errors
/// [`Error::Forbidden`] if the role may not read which are applied.
pub fn pending(connection: &mut AnyConnection) -> Result<Vec<String>, Error> {
    let embedded: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(failed)?;
    let applied = applied::versions(connection)?;
    let names = embedded.iter().map(|migration| migration.name());
    let missing = names.filter(|name| !applied.contains(&name.version().to_string()));
    Ok(missing.map(ToString::to_string).collect())
}

/// The versions of applied migrations that this Doorward does not know. Nothing if none is applied: then it is no
/// database of Doorward's.
pub fn unknown(connection: &mut AnyConnection) -> Result<Option<Vec<String>>, Error> {
    let embedded: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(failed)?;
    let known: Vec<_> = embedded
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let (known, unknown): (Vec<_>, Vec<_>) = applied::versions(connection)?
        .into_iter()
        .partition(|version| known.contains(version));
    Ok((!known.is_empty()).then_some(unknown))
}

fn failed(cause: Cause) -> Error {
    Error::Migration(cause.to_string())
}
