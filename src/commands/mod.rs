//! The command line: what can be asked of the binary, a file for each command. What they tell goes
//! to standard output, complaints to standard error.

mod healthcheck;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::Complaint;

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
        }
    }
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
