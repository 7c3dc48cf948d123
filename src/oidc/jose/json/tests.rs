//! What is read of documents that are odd, and what the errors say.

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
            "its name is unreadable (a lone surrogate, a number out of range, or nested too deep), expected a string",
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
    assert_eq!(fault.as_deref(), Some("its name appears twice"));
    let fault = read(r#"{"name":"\ud83d","name":"b"}"#).err();
    assert_eq!(fault.as_deref(), Some("its name appears twice"));
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
        assert_eq!(object.lenient("name", text), None, "{odd}");
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
        assert_eq!(object.lenient("name", texts), expected, "{list}");
    }
}

#[test]
fn an_optional_member_that_is_null_is_not_absent() {
    let null = read(r#"{"name":null}"#).unwrap();
    assert!(null.optional("name", "a string", text).is_err());
    assert_eq!(null.optional("age", "a number", Value::as_u64), Ok(None));
    assert!(Object::within(Value::Null).is_none());
}
