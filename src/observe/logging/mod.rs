//! Logging: text for people, or one JSON object a line for machines. Each line has the id of its request.

mod accept;
mod json;
mod printable;
mod queue;
pub mod seldom;

use std::env::var_os;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use env_logger::Target;
use env_logger::fmt::Formatter;
use log::{Level, Record};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

pub use printable::{Quoted, cut, is_control_or_invisible, visible};

use crate::observe::request_id::RequestContext;
use accept::SeldomAccept;
use json::json;
use printable::Plain;
use queue::{Pipe, QUEUE};

/// The filter if `RUST_LOG` is not set: lines from `info` on, but actix-server's only from `warn` on.
const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// How long a process that ends waits for its last lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The format of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Starts logging to standard error, on a thread of its own. Panics are logged too, in the same format.
///
/// # Errors
/// The system allows no second thread.
pub fn start(format: LogFormat) -> io::Result<()> {
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(|| QUEUE.write_to(io::stderr()))?;
    let env = env_logger::Env::default().default_filter_or(DEFAULT_FILTER);
    let mut logger = env_logger::Builder::new();
    match format {
        LogFormat::Json => logger.format(json),
        LogFormat::Text => {
            let is_coloured = shows_colours();
            logger.format(move |out, record| text(out, record, is_coloured))
        }
    };
    let logger = logger
        .target(Target::Pipe(Box::new(Pipe(&QUEUE))))
        .parse_env(env)
        .build();
    log::set_max_level(logger.filter());
    log::set_boxed_logger(Box::new(SeldomAccept::new(logger))).expect("logging is started once");
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::capture();
        match backtrace.status() {
            std::backtrace::BacktraceStatus::Captured => log::error!("{panic}\n{backtrace}"),
            _ => log::error!("{panic}"),
        }
        flush();
    }));
    Ok(())
}

/// Waits until all lines are written, for a second at most, since standard error may have no reader. To be called before
/// the process ends.
pub fn flush() {
    QUEUE.flush(FLUSH_TIMEOUT);
}

/// Whether standard error is a terminal that can show colours, and nobody has said that they want none.
fn shows_colours() -> bool {
    let no_color = var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = var_os("TERM").is_none_or(|term| term == "dumb");
    io::stderr().is_terminal() && !no_color && !is_dumb
}

/// What switches a terminal to the colour of a level (ECMA-48, 8.3.117), and what switches it back.
fn colour(level: Level) -> (&'static str, &'static str) {
    let on = match level {
        Level::Error => "\x1b[1;31m",
        Level::Warn => "\x1b[33m",
        Level::Info => "\x1b[32m",
        Level::Debug => "\x1b[34m",
        Level::Trace => "\x1b[36m",
    };
    (on, "\x1b[0m")
}

/// RFC 3339, in UTC.
const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

fn now(format: &[BorrowedFormatItem<'_>]) -> String {
    let now = OffsetDateTime::now_utc().format(format);
    now.expect("a date and time has all that the format names")
}

fn text(out: &mut Formatter, record: &Record<'_>, is_coloured: bool) -> io::Result<()> {
    let (time, level, target) = (now(SECONDS), record.level(), record.target());
    let (on, off) = match is_coloured {
        true => colour(level),
        false => ("", ""),
    };
    write!(out, "{time} {on}{level:<5}{off} {target}")?;
    if let Some(context) = RequestContext::current() {
        write!(out, " [{}]", context.id)?;
    }
    out.write_all(b": ")?;
    // A message whose `Display` fails ends where it failed.
    let _ = write!(Plain(out), "{}", record.args());
    writeln!(out)
}
