//! What a command answers: text for people, or JSON for machines.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Args;

/// In which form to answer.
#[derive(Args, Clone, Copy, Debug)]
pub struct Form {
    /// Answer in JSON, for machines: one document, or for a list one a line
    #[arg(long)]
    pub json: bool,
}

/// Prints an answer. Whoever reads it may have heard enough, as `head` does.
pub fn say(text: &str) -> Result<ExitCode, String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => {
            Err(format!("the answer can't be written: {cause}"))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Each as a line.
pub fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}
