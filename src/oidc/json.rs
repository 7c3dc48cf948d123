//! Reading JSON that came from outside: an object or nothing, and errors that repeat none of it.

use serde::de::{Deserialize, DeserializeOwned, Deserializer};

/// Reads a JSON object. The error names at most a field of ours and a place: serde's own text can
/// quote the value it dislikes, which may be a token.
pub fn object<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    // serde would take an array for a struct's fields in order.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err("not a JSON object".to_owned());
    }
    serde_json::from_slice(json).map_err(|cause| {
        let text = cause.to_string();
        match text.starts_with("missing field") || text.starts_with("duplicate field") {
            true => text,
            false => format!(
                "not JSON, or a value of a wrong type (line {}, column {})",
                cause.line(),
                cause.column()
            ),
        }
    })
}

/// For `#[serde(default, deserialize_with = …)]`: a member may be absent, but one that is `null` must
/// not pass for absent.
pub fn not_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Document {
        name: String,
        #[serde(default, deserialize_with = "not_null")]
        age: Option<u8>,
    }

    #[test]
    fn only_an_object_is_read() {
        assert!(object::<Document>(br#" {"name":"a"}"#).is_ok());
        for other in [
            &br#"["a",1]"#[..],
            b"",
            b"null",
            b"\"a\"",
            b"<html>",
            br#"{"name":"a""#,
        ] {
            assert!(object::<Document>(other).is_err());
        }
    }

    #[test]
    fn an_error_repeats_nothing() {
        let fault = object::<Document>(br#"{"name":"a","age":"hunter2"}"#).unwrap_err();
        assert_eq!(
            fault,
            "not JSON, or a value of a wrong type (line 1, column 27)"
        );
        let fault = object::<Document>(br#"{"age":1}"#).unwrap_err();
        assert!(fault.starts_with("missing field `name`"));
        assert!(object::<Document>(br#"{"name":"a","age":null}"#).is_err());
    }
}
