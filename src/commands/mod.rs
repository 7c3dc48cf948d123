//! The command line, a file for each command. Output goes to standard output, errors to standard error.

mod audit;
mod backup;
mod check;
mod healthcheck;
mod output;
mod paging;
mod person;
mod purge;
mod risky_rules;
mod rules;
mod sessions;
mod users;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::clock::Clock;
use crate::db::{self, DatabaseUrl, Db};
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
    /// The command; `serve` if there is none.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve (the default)
    Serve,
    /// Exit with 0 if Doorward responds at LISTEN_ADDR
    Healthcheck,
    /// Check the sign-in set-up, and say what is wrong and how to fix it; exit with 0 if there is no fault
    Check(check::Check),
    /// Check the rules of the gateway, or say what they mean for a URL; needs only RULES_FILE
    #[command(subcommand)]
    Rules(rules::Rules),
    /// List, show, block, unblock or delete people; needs only DATABASE_URL
    #[command(subcommand)]
    Users(users::Users),
    /// List or end sessions; needs only DATABASE_URL
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    /// List audit events, such as sign-ins, failures and sign-outs; needs only DATABASE_URL
    Audit(audit::Audit),
    /// Show how many sessions and audit events have expired, or delete them; Doorward does so by itself unless its clock may be wrong
    Purge(purge::Purge),
    /// Write a checked backup of an SQLite database, while it is in use; needs only DATABASE_URL
    Backup(backup::Backup),
    /// Replace an SQLite database by a backup, while nothing uses it; needs only DATABASE_URL
    Restore(backup::Restore),
}

impl Command {
    /// Runs the command; `serve` is what `main` does without one.
    ///
    /// # Errors
    /// What went wrong and how to fix it, for standard error. The exit code is then 1.
    pub fn run(self, serve: impl FnOnce() -> Result<(), String>) -> Result<ExitCode, String> {
        match self {
            Command::Serve => serve().map(|()| ExitCode::SUCCESS),
            Command::Healthcheck => healthcheck::run().map(|()| ExitCode::SUCCESS),
            Command::Audit(audit) => output::say(&audit::run(audit, &database()?)?),
            Command::Backup(backup) => output::say(&backup::backup(backup)?),
            Command::Restore(restore) => output::say(&backup::restore(restore)?),
            Command::Check(check) => check::run(&check),
            Command::Purge(purge) => output::say(&purge::run(&purge)?),
            Command::Rules(rules) => rules::run(rules),
            Command::Users(users) => output::say(&users::run(users, &database()?)?),
            Command::Sessions(sessions) => output::say(&sessions::run(sessions, &database()?)?),
        }
    }
}

/// A database that exists and is up to date.
struct Database {
    db: Db,
    /// The database's time.
    clock: Clock,
    /// For how long a process may still cache an ended session.
    session_cache: Duration,
}

impl Database {
    fn open(url: DatabaseUrl, session_cache: Duration) -> Result<Database, String> {
        let failed = |cause| StartError::Database(cause).to_string();
        let db = Db::existing(url);
        match db.pending_migrations().map_err(failed)? {
            none if none.is_empty() => (),
            pending => return Err(StartError::PendingMigrations(pending).to_string()),
        }
        let clock = match db.read_clock_blocking().map_err(failed)? {
            Some(reading) => Clock::default().following(reading),
            None => Clock::default(),
        };
        Ok(Database {
            db,
            clock,
            session_cache,
        })
    }
}

/// The database of the settings.
fn database() -> Result<Database, String> {
    let (url, session_cache) = Settings::database_from_env(&|path| std::fs::read(path))
        .map_err(|complaints| explain(&complaints))?;
    Database::open(url, session_cache)
}

/// Returns when no process has an ended session in its cache any more.
fn wait_for_caches(session_cache: Duration) {
    std::thread::sleep(session_cache);
}

/// How many `some` deletes in all, a part at each call.
fn until_none(mut some: impl FnMut() -> Result<usize, db::Error>) -> Result<usize, db::Error> {
    let mut sum = 0;
    loop {
        match some()? {
            0 => return Ok(sum),
            deleted => sum += deleted,
        }
    }
}

/// Everything that is wrong with the settings that a command needs.
fn explain(complaints: &[Complaint]) -> String {
    let lines = complaints
        .iter()
        .map(|complaint| format!("  {complaint}\n"));
    format!(
        "The settings are wrong:\n{}",
        lines.collect::<String>().trim_end()
    )
}
