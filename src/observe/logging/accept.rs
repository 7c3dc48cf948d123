//! The line that actix-server writes twice a second while the process has no file left for a new connection. It is
//! written once a minute, with what to do.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::{Level, Log, Metadata, Record};

const TARGET: &str = "actix_server::accept";

const PAUSE: Duration = Duration::from_secs(60);

/// A logger that writes that line seldom, and every other line.
pub struct SeldomAccept<L> {
    logger: L,
    written: Mutex<Option<Instant>>,
}

impl<L> SeldomAccept<L> {
    /// One that writes to `logger`.
    pub fn new(logger: L) -> Self {
        SeldomAccept {
            logger,
            written: Mutex::new(None),
        }
    }

    fn is_due(&self) -> bool {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = written.is_none_or(|at| at.elapsed() >= PAUSE);
        if is_due {
            *written = Some(Instant::now());
        }
        is_due
    }
}

impl<L: Log> Log for SeldomAccept<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() != TARGET || record.level() != Level::Error {
            self.logger.log(record);
        } else if self.enabled(record.metadata()) && self.is_due() {
            let text = record.args();
            self.logger.log(
                &record
                    .to_builder()
                    .args(format_args!(
                        "{text}: new connections wait (logged once a minute); raise LimitNOFILE or `ulimit -n`, or lower \
                         MAX_CONNECTIONS"
                    ))
                    .build(),
            );
        }
    }

    fn flush(&self) {
        self.logger.flush();
    }
}
