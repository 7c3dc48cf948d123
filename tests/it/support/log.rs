//! Everything that the process logs, kept so that tests can look for a reference or for a secret.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::{Answer, secrets};
use doorward::observe::request_id::RequestContext;
use log::kv::{Error, Key, Value, VisitSource};

struct Memory(Mutex<Vec<String>>);

static MEMORY: OnceLock<Memory> = OnceLock::new();

impl log::Log for Memory {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut line = format!("{} {}", record.level(), record.target());
        if let Some(context) = RequestContext::current() {
            line.push_str(&format!(" [{}]", context.id));
        }
        line.push_str(&format!(": {}", record.args()));
        let _ = record.key_values().visit(&mut Fields(&mut line));
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    fn flush(&self) {}
}

/// Writes ` name=value` behind the message.
struct Fields<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.0.push_str(&format!(" {key}={value}"));
        Ok(())
    }
}

/// Starts keeping; the second call does nothing.
pub fn keep() {
    let memory = MEMORY.get_or_init(|| Memory(Mutex::new(Vec::new())));
    secrets::watch();
    if log::set_logger(memory).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
}

/// The lines of all tests so far.
pub fn all() -> Vec<String> {
    let memory = MEMORY.get();
    memory.map_or_else(Vec::new, |memory| {
        memory
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    })
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

/// What was logged of the error that a page shows, found by its reference.
pub fn errors_of(page: &Answer) -> Vec<String> {
    let reference = page.text("error-reference").expect("a reference");
    lines_with(&format!("doorward::error [{reference}]"))
}

/// The one line that was logged of the error that a page shows.
pub fn error_of(page: &Answer) -> String {
    let mut lines = errors_of(page);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}
