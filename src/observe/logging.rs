//! Logging: lines for people, or one JSON object a line for machines. On each is the id of the
//! request that it comes of.

mod queue;

use std::env::var_os;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use env_logger::fmt::Formatter;
use env_logger::{Target, WriteStyle};
use log::Record;
use log::kv::{self, Key, Value, VisitSource, VisitValue};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::observe::request_id::Trace;
use queue::{Pipe, QUEUE};

/// What is logged unless `RUST_LOG` says otherwise: ours, and what others warn of.
const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// How long a process that ends waits for its last lines to be read.
const FLUSH_AT_MOST: Duration = Duration::from_secs(1);

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Starts logging to standard error, by a thread of its own. A panic is logged too, so that it is a
/// line like any other.
pub fn start(format: LogFormat) {
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(|| QUEUE.write_to(io::stderr()))
        .expect("a process that can't have a second thread can't serve either");
    let env = env_logger::Env::default().default_filter_or(DEFAULT_FILTER);
    env_logger::Builder::new()
        .target(Target::Pipe(Box::new(Pipe(&QUEUE))))
        .write_style(style())
        .parse_env(env)
        .format(match format {
            LogFormat::Text => text,
            LogFormat::Json => json,
        })
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::capture();
        match backtrace.status() {
            std::backtrace::BacktraceStatus::Captured => log::error!("{panic}\n{backtrace}"),
            _ => log::error!("{panic}"),
        }
        flush();
    }));
}

/// Waits until what was logged is written; a second at most, since nobody may be reading. To be
/// called before the process ends.
pub fn flush() {
    QUEUE.flush(FLUSH_AT_MOST);
}

/// Colors for a terminal that can show them; RUST_LOG_STYLE decides otherwise.
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
const MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

fn now(format: &[BorrowedFormatItem<'_>]) -> String {
    let now = OffsetDateTime::now_utc().format(format);
    now.expect("a date and time has all that the format names")
}

fn text(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let (time, level) = (now(SECONDS), record.level());
    let style = out.default_level_style(level);
    let target = record.target();
    write!(out, "{time} {style}{level:<5}{style:#} {target}")?;
    if let Some(trace) = Trace::current() {
        write!(out, " [{}]", trace.id)?;
    }
    out.write_all(b": ")?;
    // What fails to print is cut off there; what the log can't take is lost either way.
    let _ = write!(Plain(out), "{}", record.args());
    writeln!(out)
}

/// A value as it stands in a line of text: whatever is in it, it is one value and can't pretend to be
/// another. Plain where it can be, else quoted, with what is no visible character escaped.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\=".contains(&byte);
        match !self.0.is_empty() && self.0.bytes().all(is_plain) {
            true => f.write_str(self.0),
            false => write!(f, "{:?}", self.0),
        }
    }
}

/// Whether a character moves a cursor, begins a line, turns text around (bidi) or can't be seen.
pub fn steers(c: char) -> bool {
    match c {
        '\t' => false,
        '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

/// `text`, with what steers or can't be seen escaped: what identifies looks like what it is.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match steers(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// Text that can't pretend to be a line of its own or steer a terminal, whatever got into it.
struct Plain<'a, W>(&'a mut W);

impl<W: io::Write> fmt::Write for Plain<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut write = |text: &str| self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error);
        for piece in text.split_inclusive(steers) {
            let end = piece.chars().next_back().filter(|end| steers(*end));
            write(piece.strip_suffix(steers).unwrap_or(piece))?;
            match end {
                Some('\n') => write("\n    ")?,
                Some(steering) => write(&steering.escape_default().to_string())?,
                None => (),
            }
        }
        Ok(())
    }
}

fn json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let time = now(MILLISECONDS);
    let mut serializer = serde_json::Serializer::new(&mut *out);
    write_json(&mut serializer, time, record)?;
    writeln!(out)
}

/// The object of one line. Whatever got into it is escaped, so that it stays one.
fn write_json<S: Serializer>(
    out: S,
    time: impl fmt::Display,
    record: &Record<'_>,
) -> Result<S::Ok, S::Error> {
    let mut line = out.serialize_map(None)?;
    line.serialize_entry("time", &format_args!("{time}"))?;
    line.serialize_entry("level", record.level().as_str())?;
    line.serialize_entry("target", record.target())?;
    line.serialize_entry("message", record.args())?;
    if let Some(trace) = Trace::current() {
        line.serialize_entry("request_id", trace.id.as_str())?;
    }
    let mut fields = Fields {
        line: &mut line,
        failure: None,
    };
    // The visitor keeps its own failure: the one of `kv` could not hold it.
    let _ = record.key_values().visit(&mut fields);
    match fields.failure {
        None => line.end(),
        Some(failure) => Err(failure),
    }
}

/// What every line has; a field can't take its place.
const RESERVED: [&str; 5] = ["time", "level", "target", "message", "request_id"];

/// Writes the fields of an event. One that is null was not known and is left out.
struct Fields<'a, M: SerializeMap> {
    line: &'a mut M,
    failure: Option<M::Error>,
}

impl<M: SerializeMap> Fields<'_, M> {
    fn write(&mut self, key: &str, value: &(impl Serialize + ?Sized)) {
        if self.failure.is_none() {
            self.failure = self.line.serialize_entry(key, value).err();
        }
    }
}

impl<'kvs, M: SerializeMap> VisitSource<'kvs> for Fields<'_, M> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        match RESERVED.contains(&key.as_str()) {
            true => Ok(()),
            false => value.visit(Field {
                fields: self,
                key: key.as_str(),
            }),
        }
    }
}

struct Field<'a, 'b, M: SerializeMap> {
    fields: &'a mut Fields<'b, M>,
    key: &'a str,
}

impl<'v, M: SerializeMap> VisitValue<'v> for Field<'_, '_, M> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        self.fields.write(self.key, &format_args!("{value}"));
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.fields.write(self.key, &value);
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.fields.write(self.key, &value);
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.fields.write(self.key, &value);
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.fields.write(self.key, &value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(record: &Record<'_>) -> serde_json::Value {
        let mut line = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut line);
        write_json(&mut serializer, "2026-11-22T10:00:00.000Z", record).unwrap();
        assert!(!line.contains(&b'\n'));
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_line_has_the_fields_of_its_event_by_their_types() {
        let fields = [
            ("status", Value::from(303)),
            ("duration_ms", Value::from(1.5)),
            ("method", Value::from("GET")),
            ("unknown", Value::null()),
            ("level", Value::from("forged")),
        ];
        let mut record = Record::builder();
        let record = record.target("doorward::access").key_values(&fields);
        let line = json_of(&record.args(format_args!("hello")).build());
        let expected = serde_json::json!({
            "time": "2026-11-22T10:00:00.000Z",
            "level": "INFO",
            "target": "doorward::access",
            "message": "hello",
            "status": 303,
            "duration_ms": 1.5,
            "method": "GET",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn whatever_comes_in_it_is_one_object() {
        let hostile = "\"}\n{\"level\":\"\u{1b}[31m\u{0}\u{2028}\\";
        let fields = [("path", Value::from(hostile))];
        let mut record = Record::builder();
        let record = record.target(hostile).key_values(&fields);
        let line = json_of(&record.args(format_args!("{hostile}")).build());
        for name in ["target", "message", "path"] {
            assert_eq!(line[name], hostile);
        }
    }

    #[test]
    fn text_can_neither_begin_a_line_nor_steer_a_terminal() {
        let mut plain = Vec::new();
        write!(Plain(&mut plain), "a\nb\u{1b}[31m\rc\td").unwrap();
        let plain = String::from_utf8(plain).unwrap();
        assert_eq!(plain, "a\n    b\\u{1b}[31m\\rc\td");
        for steering in [
            "\u{202e}", "\u{2066}", "\u{200f}", "\u{2028}", "\u{feff}", "\u{85}",
        ] {
            let mut plain = Vec::new();
            write!(Plain(&mut plain), "a{steering}b \u{fc}").unwrap();
            let plain = String::from_utf8(plain).unwrap();
            let escaped = steering.escape_default();
            assert_eq!(plain, format!("a{escaped}b \u{fc}"));
        }
    }

    #[test]
    fn a_value_is_one_value_whatever_is_in_it() {
        for (value, written) in [
            ("00uada", "00uada"),
            (
                "https://id.example.com:8443/a?b#c",
                "https://id.example.com:8443/a?b#c",
            ),
            (
                "auth0|5f7c8ec7c33c6c004bbafe82",
                "auth0|5f7c8ec7c33c6c004bbafe82",
            ),
            ("", "\"\""),
            ("a event=sign_in", "\"a event=sign_in\""),
            ("a=b", "\"a=b\""),
            ("a\" b=\"c", "\"a\\\" b=\\\"c\""),
            ("a\nb", "\"a\\nb\""),
            ("a\u{1b}[2J", "\"a\\u{1b}[2J\""),
            ("a\u{202e}b", "\"a\\u{202e}b\""),
            ("a\u{a0}b", "\"a\\u{a0}b\""),
            ("Zo\u{eb}", "\"Zo\u{eb}\""),
        ] {
            assert_eq!(Quoted(value).to_string(), written);
        }
    }
}
