//! Reads JSON from outside: the members of an object that the caller names, and no others. A member that is not read can't
//! make a document invalid. Errors name the member, the expected type and the found one, and never repeat a value, which
//! may be a token.

use std::cell::RefCell;
use std::fmt;

use secrecy::SecretString;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The members of a JSON object that Doorward reads.
pub struct Object {
    /// The subject of its errors: "it", "its header".
    it: &'static str,
    members: Map<String, Value>,
    /// The members that serde_json can't read: see [`UNREADABLE`].
    unreadable: Vec<String>,
}

impl Object {
    /// Reads the members called `names` and ignores the others, whatever they contain.
    ///
    /// # Errors
    /// `json` is no JSON object, or has one of these members twice.
    pub fn read(json: &[u8], names: &[&str]) -> Result<Object, String> {
        // serde would also read an array, member by member.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err("not a JSON object".to_owned());
        }
        if std::str::from_utf8(json).is_err() {
            return Err("not UTF-8, as JSON must be".to_owned());
        }
        let mut unreadable = Vec::new();
        loop {
            let problem = RefCell::new(None);
            let reader = Reader {
                names,
                unreadable: &unreadable,
                problem: &problem,
            };
            let mut deserializer = serde_json::Deserializer::from_slice(json);
            let read = reader.deserialize(&mut deserializer);
            let read = read.and_then(|members| deserializer.end().map(|()| members));
            let cause = match read {
                Ok(members) => {
                    return Ok(Object {
                        it: "it",
                        members,
                        unreadable,
                    });
                }
                Err(cause) => cause,
            };
            match problem.into_inner() {
                Some(Problem::Duplicate(name)) => return Err(format!("its {name} appears twice")),
                // Read again and skip its value: the caller may not need it.
                Some(Problem::Unreadable(name)) => unreadable.push(name),
                None => {
                    let (line, column) = (cause.line(), cause.column());
                    return Err(format!("not JSON (line {line}, column {column})"));
                }
            }
        }
    }

    /// A value inside a document that was read, if it is an object.
    pub fn within(value: Value) -> Option<Object> {
        match value {
            Value::Object(members) => Some(Object {
                it: "it",
                members,
                unreadable: Vec::new(),
            }),
            _ => None,
        }
    }

    /// Sets the subject of its errors.
    pub fn called(self, it: &'static str) -> Object {
        Object { it, ..self }
    }

    /// Whether there is such a member, whatever its value.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// A member that must be there. `read` returns nothing for a value that is not what `expected` describes.
    pub fn required<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, String> {
        let found = self.optional(name, expected, read)?;
        found.ok_or_else(|| format!("{} has no {name}", self.it))
    }

    /// A member that may be absent. `null` is a value like any other, not absence.
    pub fn optional<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.members.get(name) else {
            return Ok(None);
        };
        let is_readable = !self.unreadable.iter().any(|it| it == name);
        match read(value).filter(|_| is_readable) {
            Some(value) => Ok(Some(value)),
            None => {
                let its = match self.it {
                    "it" => "its".to_owned(),
                    it => format!("{it}'s"),
                };
                let found = match is_readable {
                    true => type_of(value),
                    false => UNREADABLE,
                };
                Err(format!("{its} {name} is {found}, expected {expected}"))
            }
        }
    }

    /// A member that counts as absent if `read` returns nothing for it.
    pub fn lenient<T>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.optional(name, "", read).ok().flatten()
    }

    /// A string that must be there and is secret: it is moved, so that no copy stays behind.
    pub fn take_secret(&mut self, name: &str) -> Result<SecretString, String> {
        match self.members.get_mut(name) {
            Some(Value::String(text)) => Ok(std::mem::take(text).into()),
            _ => self.text(name).map(SecretString::from),
        }
    }

    /// The same, if it is there. A value that is no string, or an empty one, counts as absent.
    pub fn take_optional_secret(&mut self, name: &str) -> Option<SecretString> {
        let text = self.lenient(name, text).filter(|text| !text.is_empty());
        text.and_then(|_| self.take_secret(name).ok())
    }

    /// A string that must be there.
    pub fn text(&self, name: &str) -> Result<String, String> {
        self.required(name, "a string", text)
    }
}

/// A string.
pub fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// An array of strings; other values in it are ignored. A single string counts as an array of one.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(list) => Some(list.iter().filter_map(text).collect()),
        _ => None,
    }
}

/// For the log: text from outside in quotes, control characters escaped, cut after 200 characters.
pub fn quoted(text: &str) -> String {
    let end = text
        .char_indices()
        .nth(200)
        .map_or(text.len(), |(end, _)| end);
    format!("{:?}", &text[..end])
}

const UNREADABLE: &str = "unreadable (a lone surrogate, a number out of range, or nested too deep)";

/// The type of a value, for errors.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Which member made serde_json fail.
enum Problem {
    Duplicate(String),
    Unreadable(String),
}

/// Reads the members called `names`, and those in `unreadable` as null.
struct Reader<'a> {
    names: &'a [&'a str],
    unreadable: &'a [String],
    problem: &'a RefCell<Option<Problem>>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if !self.names.contains(&name.as_str()) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if members.contains_key(&name) {
                *self.problem.borrow_mut() = Some(Problem::Duplicate(name));
                return Err(de::Error::custom("a member appears twice"));
            }
            let value = match self.unreadable.contains(&name) {
                true => map.next_value::<IgnoredAny>().map(|_| Value::Null)?,
                false => map.next_value().inspect_err(|_| {
                    *self.problem.borrow_mut() = Some(Problem::Unreadable(name.clone()));
                })?,
            };
            members.insert(name, value);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests;
