//! The command line: what can be asked of the binary, a file for each command. What they tell goes
//! to standard output, complaints to standard error.

mod audit;
mod check;
mod healthcheck;
mod output;
mod paging;
mod person;
mod sessions;
mod users;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::db::Db;
use crate::server::StartError;
use crate::settings::{Complaint, Settings};

/// Doorward signs people in through Okta or any OpenID provider.
#[derive(Debug, Parser)]
#[command(
    name = "doorward",
    version,
    after_help = "Settings come from the environment, then from .env; .env.example explains them."
)]
pub struct CommandLine {
    /// What to do; to serve, if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve; so does `doorward` alone
    Serve,
    /// Exit with 0 if a Doorward answers at LISTEN_ADDR
    Healthcheck,
    /// What is wrong with the sign-in set-up, and what to do about it; exit with 0 if nothing is at fault
    Check(output::Form),
    /// Who has signed in, and who may not any more; needs DATABASE_URL only
    #[command(subcommand)]
    Users(users::Users),
    /// Which browsers are signed in; needs DATABASE_URL only
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    /// Who came in, who did not and why; needs DATABASE_URL only
    Audit(audit::Audit),
}

impl Command {
    /// Does it; `serve` is what `main` does without a command.
    ///
    /// # Errors
    /// What went wrong and what to do about it, for standard error; the exit code is then 1.
    pub fn run(self, serve: impl FnOnce() -> Result<(), String>) -> Result<ExitCode, String> {
        match self {
            Command::Serve => serve().map(|()| ExitCode::SUCCESS),
            Command::Healthcheck => healthcheck::run().map(|()| ExitCode::SUCCESS),
            Command::Audit(audit) => output::say(&audit::run(audit, &database()?.0)?),
            Command::Check(form) => check::run(form),
            Command::Users(users) => {
                let (db, session_cache) = database()?;
                output::say(&users::run(users, &db, session_cache)?)
            }
            Command::Sessions(sessions) => {
                let (db, session_cache) = database()?;
                output::say(&sessions::run(sessions, &db, session_cache)?)
            }
        }
    }
}

/// The database, which must be there and up to date, and for how long a process may still take an ended session for a
/// live one.
fn database() -> Result<(Db, Duration), String> {
    let (url, session_cache) = Settings::database_from_env(&|path| std::fs::read(path))
        .map_err(|complaints| explain(&complaints))?;
    let db = Db::existing(url);
    let pending = db.pending_migrations().map_err(StartError::Database);
    match pending.map_err(|cause| cause.to_string())? {
        none if none.is_empty() => Ok((db, session_cache)),
        pending => Err(StartError::PendingMigrations(pending).to_string()),
    }
}

/// Returns when no process takes an ended session for a live one any more.
fn wait_for_caches(session_cache: Duration) {
    std::thread::sleep(session_cache);
}

/// All that is wrong with the settings that a command needs.
fn explain(complaints: &[Complaint]) -> String {
    let lines = complaints
        .iter()
        .map(|complaint| format!("  {complaint}\n"));
    format!(
        "The settings are wrong:\n{}",
        lines.collect::<String>().trim_end()
    )
}
