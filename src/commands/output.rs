//! The output of a command: text, or JSON for programs.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Args;

/// The form of the output.
#[derive(Args, Clone, Copy, Debug)]
pub struct Form {
    /// Print JSON: one document, or for a list one document per line
    #[arg(long)]
    pub json: bool,
}

/// Prints to standard output. A reader that has stopped reading, such as `head`, is no error.
pub fn say(text: &str) -> Result<ExitCode, String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => {
            Err(format!("can't write to standard output: {cause}"))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Joins lines.
pub fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}
