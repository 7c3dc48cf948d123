//! The output of a command: text, or JSON for programs.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use crate::observe::logging::is_control_or_invisible;

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

/// `document` for programs, and for a terminal: JSON would leave some control characters and all invisible ones as they are.
pub fn json_text(document: &Value) -> String {
    let text = document.to_string();
    if !text.contains(is_control_or_invisible) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_control_or_invisible(c) {
            true => {
                let units = c.encode_utf16(&mut [0; 2]).to_vec();
                shown.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
            }
            false => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_in_json_controls_a_terminal() {
        let name = "a\u{9b}31m\u{202e}b\n\u{7f}\u{e0041}é\u{1f600}";
        let document = serde_json::json!({ "name": name });
        let text = json_text(&document);
        assert!(!text.contains(is_control_or_invisible), "{text:?}");
        assert!(text.contains("é\u{1f600}"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
