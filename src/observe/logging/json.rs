//! The JSON format: one object a line.

use std::fmt;
use std::io::{self, Write};

use env_logger::fmt::Formatter;
use log::Record;
use log::kv::{self, Key, Value, VisitSource, VisitValue};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::now;
use crate::observe::request_id::RequestContext;

/// RFC 3339, in UTC.
const MILLISECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Writes a record as a line.
pub fn json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let time = now(MILLISECONDS);
    let mut serializer = serde_json::Serializer::new(&mut *out);
    write_json(&mut serializer, time, record)?;
    writeln!(out)
}

/// The object of one line. All text is escaped, so that it stays one line.
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
    if let Some(context) = RequestContext::current() {
        line.serialize_entry("request_id", context.id.as_str())?;
    }
    let mut fields = Fields {
        line: &mut line,
        failure: None,
    };
    // `kv::Error` can't hold the serializer's error, so `Fields` keeps it.
    let _ = record.key_values().visit(&mut fields);
    match fields.failure {
        None => line.end(),
        Some(failure) => Err(failure),
    }
}

/// The names that every line has. A field with one of them is left out.
const RESERVED: [&str; 5] = ["time", "level", "target", "message", "request_id"];

/// Writes the fields of an event, except those that are null: their values are unknown.
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
    fn a_line_is_one_object_whatever_its_fields_contain() {
        let hostile = "\"}\n{\"level\":\"\u{1b}[31m\u{0}\u{2028}\\";
        let fields = [("path", Value::from(hostile))];
        let mut record = Record::builder();
        let record = record.target(hostile).key_values(&fields);
        let line = json_of(&record.args(format_args!("{hostile}")).build());
        for name in ["target", "message", "path"] {
            assert_eq!(line[name], hostile);
        }
    }
}
