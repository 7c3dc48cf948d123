//! The line that actix-server writes twice a second while the process has no file left for a new connection. It is
//! written once a minute, with what to do.

use log::{Level, Log, Metadata, Record};

use super::seldom::Seldom;

const TARGET: &str = "actix_server::accept";

/// A logger that writes that line seldom, and every other line.
pub struct SeldomAccept<L> {
    logger: L,
    seldom: Seldom,
}

impl<L> SeldomAccept<L> {
    /// One that writes to `logger`.
    pub fn new(logger: L) -> Self {
        SeldomAccept {
            logger,
            seldom: Seldom::new(),
        }
    }
}

impl<L: Log> Log for SeldomAccept<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() != TARGET || record.level() != Level::Error {
            self.logger.log(record);
        } else if self.enabled(record.metadata()) && self.seldom.due().is_some() {
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
