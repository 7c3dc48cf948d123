//! JSON is UTF-8 (RFC 8259, 8.1), but some providers use another charset: such a document is read if it declares it.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

/// `body` in UTF-8 and without its byte order mark. A body that is valid UTF-8 is read as UTF-8, whatever `charset` (the
/// parameter of `Content-Type`) says: it has no meaning for JSON (RFC 8259, 11), and servers send a default.
///
/// # Errors
/// A sentence that names the charset.
pub fn to_utf8<'a>(body: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, [u8]>, String> {
    let (encoding, body) = match (Encoding::for_bom(body), charset) {
        (Some((encoding, length)), _) => (encoding, &body[length..]),
        // A document with a zero byte is in UTF-16.
        _ if !body.contains(&0) && std::str::from_utf8(body).is_ok() => (UTF_8, body),
        (None, None) => return Ok(Cow::Borrowed(body)),
        (None, Some(label)) => {
            let encoding = Encoding::for_label_no_replacement(label.as_bytes());
            let unknown = || {
                let label: String = label.chars().take(40).collect();
                format!(
                    "its Content-Type says charset={label:?}, which Doorward does not support; UTF-8 is expected"
                )
            };
            (encoding.ok_or_else(unknown)?, body)
        }
    };
    if encoding == UTF_8 {
        return Ok(Cow::Borrowed(body));
    }
    let text = encoding.decode_without_bom_handling_and_without_replacement(body);
    match text {
        Some(text) => Ok(Cow::Owned(text.into_owned().into_bytes())),
        None => Err(format!(
            "it declares {}, but is not valid in it",
            encoding.name()
        )),
    }
}

/// The `charset` parameter of a `Content-Type` (RFC 9110, 8.3.2).
pub fn of_content_type(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1);
    let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_in_the_charset_that_it_names() {
        for (body, charset, expected) in [
            (&b"{\"a\":\"\xc3\xa9\"}"[..], None, "{\"a\":\"é\"}"),
            (b"\xef\xbb\xbf{}", None, "{}"),
            (b"\xef\xbb\xbf{}", Some("iso-8859-1"), "{}"),
            (b"\xff\xfe{\0}\0", None, "{}"),
            (b"\xfe\xff\0{\0}", Some("utf-16"), "{}"),
            (b"{\0}\0", Some("UTF-16LE"), "{}"),
            (b"\0{\0}", Some("utf-16be"), "{}"),
            (b"\xe9", Some("ISO-8859-1"), "é"),
            (b"\x80", Some("windows-1252"), "€"),
            (b"e", Some("us-ascii"), "e"),
            (b"\xa4", Some("iso-8859-15"), "€"),
            (b"\xc3\xa9", Some("utf8"), "é"),
            (b"\xc3\xa9", Some("utf-8, application/json"), "é"),
            (b"\xc3\xa9", Some("ISO-8859-1"), "é"),
            (b"{}", Some("utf-16"), "{}"),
        ] {
            let read = to_utf8(body, charset).unwrap();
            assert_eq!(std::str::from_utf8(&read), Ok(expected), "{charset:?}");
        }
    }

    #[test]
    fn an_unknown_or_wrong_charset_is_named() {
        for (body, charset, cause) in [
            (
                &b"{\xe9}"[..],
                "utf-7",
                "its Content-Type says charset=\"utf-7\", which Doorward does not support; UTF-8 is expected",
            ),
            (
                b"{\xe9}",
                "hz-gb-2312",
                "its Content-Type says charset=\"hz-gb-2312\", which Doorward does not support; UTF-8 is expected",
            ),
            (
                b"{\0}",
                "utf-16le",
                "it declares UTF-16LE, but is not valid in it",
            ),
            (
                b"\x81",
                "shift_jis",
                "it declares Shift_JIS, but is not valid in it",
            ),
        ] {
            assert_eq!(to_utf8(body, Some(charset)).unwrap_err(), cause);
        }
    }

    #[test]
    fn the_charset_is_a_parameter_of_the_media_type() {
        for (content_type, expected) in [
            ("application/json", None),
            ("application/json; charset=utf-8", Some("utf-8")),
            (
                "application/json;v=1; Charset = \"ISO-8859-1\" ",
                Some("ISO-8859-1"),
            ),
            ("charset=utf-8", None),
            ("application/json; charset=", None),
        ] {
            assert_eq!(of_content_type(content_type).as_deref(), expected);
        }
    }
}
