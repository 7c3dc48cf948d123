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

use env_logger::fmt::Formatter;
use env_logger::{Target, WriteStyle};
use log::Record;
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
    let logger = env_logger::Builder::new()
        .target(Target::Pipe(Box::new(Pipe(&QUEUE))))
        .write_style(style())
        .parse_env(env)
        .format(match format {
            LogFormat::Text => text,
            LogFormat::Json => json,
        })
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

/// Colours for a terminal that can show them, unless `RUST_LOG_STYLE` overrides it.
fn style() -> WriteStyle {
    let no_color = var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = var_os("TERM").is_none_or(|term| term == "dumb");
    match io::stderr().is_terminal() && !no_color && !is_dumb {
        true => WriteStyle::Always,
        false => WriteStyle::Never,
    }
}

/// RFC 3339, in UTC.
const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

fn now(format: &[BorrowedFormatItem<'_>]) -> String {
    let now = OffsetDateTime::now_utc().format(format);
    now.expect("a date and time has all that the format names")
}

fn text(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let (time, level) = (now(SECONDS), record.level());
    let style = out.default_level_style(level);
    let target = record.target();
    write!(out, "{time} {style}{level:<5}{style:#} {target}")?;
    if let Some(context) = RequestContext::current() {
        write!(out, " [{}]", context.id)?;
    }
    out.write_all(b": ")?;
    // A message whose `Display` fails ends where it failed.
    let _ = write!(Plain(out), "{}", record.args());
    writeln!(out)
}
