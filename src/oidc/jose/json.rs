//! Reading JSON that came from outside: an object or nothing, and of it the members that are asked for. Only what is
//! read can make a document unusable. Errors name the member, what was expected and what type came, and repeat no
//! value, which may be a token.

use std::cell::RefCell;
use std::fmt;

use secrecy::SecretString;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The members of a JSON object that Doorward reads.
pub struct Object {
    /// What the errors call it: "it", "its header".
    it: &'static str,
    members: Map<String, Value>,
    /// Of the members, those that are no value: text that is not Unicode, a number beyond all bounds, or too deep.
    unreadable: Vec<String>,
}

impl Object {
    /// Reads the members called `names` and passes over the others, whatever they hold.
    ///
    /// # Errors
    /// `json` is no JSON object, or has one of these members twice.
    pub fn read(json: &[u8], names: &[&str]) -> Result<Object, String> {
        // A list is JSON too, and would be read member by member by what serde derives.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err("not a JSON object".to_owned());
        }
        if std::str::from_utf8(json).is_err() {
            return Err("not UTF-8, as JSON must be".to_owned());
        }
        let mut unreadable = Vec::new();
        loop {
            let trouble = RefCell::new(None);
            let reader = Reader {
                names,
                unreadable: &unreadable,
                trouble: &trouble,
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
            match trouble.into_inner() {
                Some(Trouble::Twice(name)) => return Err(format!("its {name} comes twice")),
                // Once more, without looking into it: it may be one that is dispensable.
                Some(Trouble::Unreadable(name)) => unreadable.push(name),
                None => {
                    let (line, column) = (cause.line(), cause.column());
                    return Err(format!("not JSON (line {line}, column {column})"));
                }
            }
        }
    }

    /// An object within a document that was read; nothing if `value` is none.
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

    /// The same, which the errors call `it` from now on.
    pub fn called(self, it: &'static str) -> Object {
        Object { it, ..self }
    }

    /// Whether there is such a member, whatever it holds.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// A member that must be there, and be what `read` takes, which `expected` describes.
    pub fn required<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, String> {
        let found = self.optional(name, expected, read)?;
        found.ok_or_else(|| format!("{} has no {name}", self.it))
    }

    /// A member that may be absent. One that is `null` is not absent.
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

    /// A member that can be done without: anything else than what `read` takes counts as absent.
    pub fn dispensable<T>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.optional(name, "", read).ok().flatten()
    }

    /// A string that must be there and stay secret: it is moved, not copied.
    pub fn take_secret(&mut self, name: &str) -> Result<SecretString, String> {
        match self.members.get_mut(name) {
            Some(Value::String(text)) => Ok(std::mem::take(text).into()),
            _ => self.text(name).map(SecretString::from),
        }
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

/// A list of strings, without what else may be in it. A lone string is meant as a list of one.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(list) => Some(list.iter().filter_map(text).collect()),
        _ => None,
    }
}

/// For the log: text that came from outside, escaped so that it breaks no line, and cut so that it fills none.
pub fn quoted(text: &str) -> String {
    let end = text
        .char_indices()
        .nth(200)
        .map_or(text.len(), |(end, _)| end);
    format!("{:?}", &text[..end])
}

const UNREADABLE: &str =
    "no value (text that is not Unicode, a number beyond all bounds, or too deep)";

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Why a member can't be read, beside what serde says.
enum Trouble {
    Twice(String),
    Unreadable(String),
}

/// Reads the members called `names`, those in `unreadable` as null.
struct Reader<'a> {
    names: &'a [&'a str],
    unreadable: &'a [String],
    trouble: &'a RefCell<Option<Trouble>>,
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
                *self.trouble.borrow_mut() = Some(Trouble::Twice(name));
                return Err(de::Error::custom("a member comes twice"));
            }
            let value = match self.unreadable.contains(&name) {
                true => map.next_value::<IgnoredAny>().map(|_| Value::Null)?,
                false => map.next_value().inspect_err(|_| {
                    *self.trouble.borrow_mut() = Some(Trouble::Unreadable(name.clone()));
                })?,
            };
            members.insert(name, value);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Object, String> {
        Object::read(json.as_bytes(), &["name", "age"])
    }

    /// Core 13.3
    #[test]
    fn only_an_object_is_read() {
        assert!(read(r#" {"name":"a"}"#).is_ok());
        for (other, cause) in [
            (r#"["a",1]"#, "not a JSON object"),
            ("", "not a JSON object"),
            ("null", "not a JSON object"),
            ("\"a\"", "not a JSON object"),
            ("<html>", "not a JSON object"),
            ("{\"name\":\"\u{e9}\"", "not JSON (line 1, column 12)"),
            (r#"{"name":"a""#, "not JSON (line 1, column 11)"),
            ("{\"name\":\n\"a", "not JSON (line 2, column 2)"),
            (r#"{"name":"a"} {}"#, "not JSON (line 1, column 14)"),
        ] {
            assert_eq!(read(other).err().as_deref(), Some(cause), "{other}");
        }
        let latin_1 = Object::read(b"{\"name\":\"\xe9\"}", &["name"]);
        assert_eq!(latin_1.err().as_deref(), Some("not UTF-8, as JSON must be"));
    }

    #[test]
    fn an_error_names_the_member_what_was_expected_and_what_came_and_repeats_nothing() {
        for (json, cause) in [
            ("{}", "it has no name"),
            (r#"{"name":null}"#, "its name is null, expected a string"),
            (
                r#"{"name":["hunter2"]}"#,
                "its name is an array, expected a string",
            ),
            (
                r#"{"name":{"hunter2":1}}"#,
                "its name is an object, expected a string",
            ),
            (
                r#"{"name":true}"#,
                "its name is a boolean, expected a string",
            ),
            (r#"{"name":7}"#, "its name is a number, expected a string"),
            (
                r#"{"name":"\ud83d"}"#,
                "its name is no value (text that is not Unicode, a number beyond all bounds, or too deep), expected a string",
            ),
        ] {
            let fault = read(json).unwrap().text("name").unwrap_err();
            assert_eq!(fault, cause, "{json}");
        }
        let header = read(r#"{"age":"7"}"#).unwrap().called("its header");
        assert_eq!(header.text("name").unwrap_err(), "its header has no name");
        let fault = header.required("age", "a number", Value::as_u64);
        assert_eq!(
            fault.unwrap_err(),
            "its header's age is a string, expected a number"
        );
    }

    #[test]
    fn only_a_member_that_is_read_can_come_twice() {
        let fault = read(r#"{"name":"a","name":"b"}"#).err();
        assert_eq!(fault.as_deref(), Some("its name comes twice"));
        let fault = read(r#"{"name":"\ud83d","name":"b"}"#).err();
        assert_eq!(fault.as_deref(), Some("its name comes twice"));
        assert!(read(r#"{"x":"a","x":"b"}"#).is_ok());
    }

    #[test]
    fn what_is_not_read_does_no_harm_whatever_it_holds() {
        let deep = format!(
            "{{\"name\":\"a\",\"x\":{}{}}}",
            "[".repeat(1000),
            "]".repeat(1000)
        );
        for json in [
            r#"{"x":"\ud83d","name":"a"}"#,
            r#"{"x":1e999,"name":"a"}"#,
            &deep,
        ] {
            assert_eq!(read(json).unwrap().text("name").unwrap(), "a");
        }
    }

    #[test]
    fn what_can_be_done_without_counts_as_absent_when_it_is_something_else() {
        for odd in ["null", "7", "[]", "\"\\ud83d\"", "1e999"] {
            let object = read(&format!("{{\"name\":{odd},\"age\":1e999}}")).unwrap();
            assert_eq!(object.dispensable("name", text), None, "{odd}");
            assert!(object.has("name"));
        }
        for (list, expected) in [
            (r#"["a",7,"b",null]"#, Some(vec!["a", "b"])),
            (r#""a""#, Some(vec!["a"])),
            ("[]", Some(vec![])),
            ("null", None),
            ("{}", None),
        ] {
            let object = read(&format!("{{\"name\":{list}}}")).unwrap();
            let expected = expected.map(|list| list.into_iter().map(str::to_owned).collect());
            assert_eq!(object.dispensable("name", texts), expected, "{list}");
        }
    }

    #[test]
    fn an_optional_member_that_is_null_is_not_absent() {
        let null = read(r#"{"name":null}"#).unwrap();
        assert!(null.optional("name", "a string", text).is_err());
        assert_eq!(null.optional("age", "a number", Value::as_u64), Ok(None));
        assert!(Object::within(Value::Null).is_none());
    }
}
