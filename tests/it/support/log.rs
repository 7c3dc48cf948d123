//! Everything that the process logs, kept so that tests can look for a reference or for a secret.

use std::sync::{Mutex, OnceLock, PoisonError};

struct Memory(Mutex<Vec<String>>);

static MEMORY: OnceLock<Memory> = OnceLock::new();

impl log::Log for Memory {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}: {}", record.level(), record.target(), record.args());
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    fn flush(&self) {}
}

/// Starts keeping; the second call does nothing.
pub fn keep() {
    let memory = MEMORY.get_or_init(|| Memory(Mutex::new(Vec::new())));
    if log::set_logger(memory).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
}

/// The lines of all tests so far that hold `text`.
pub fn lines_with(text: &str) -> Vec<String> {
    let memory = MEMORY.get().expect("TestApp starts keeping the log");
    let lines = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
    lines
        .iter()
        .filter(|line| line.contains(text))
        .cloned()
        .collect()
}
