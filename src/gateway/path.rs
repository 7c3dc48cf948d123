//! The path of an original request, and all ways in which an app may read it. Where two readings lead to different rules,
//! the request is refused: no proxy and no app can then disagree with us about which rule holds.

mod readings;

use std::borrow::Cow;

pub use readings::readings;
use readings::{remove_dot_segments, with_slashes};

/// The longest path with its query, in bytes.
pub const URI_LIMIT: usize = 8192;

/// Path and query, as they were sent. Bytes beyond ASCII are percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// Begins with a slash.
    pub path: Cow<'a, str>,
    /// What follows the first `?`. It takes no part in any decision.
    pub query: Option<Cow<'a, str>>,
}

impl<'a> Target<'a> {
    /// Reads an origin-form target (RFC 9112, 3.2.1); nothing if it is malformed: it is too long or does not begin with a
    /// slash, it has a fragment or a character that no target has, or its path has an escape that is broken, a control
    /// character, or an overlong form of another character.
    pub fn parse(uri: &'a [u8]) -> Option<Target<'a>> {
        let is_fine = |byte: &u8| *byte > b' ' && *byte != 0x7f && *byte != b'#';
        if uri.len() > URI_LIMIT || uri.first() != Some(&b'/') || !uri.iter().all(is_fine) {
            return None;
        }
        let uri = escape_non_ascii(uri)?;
        let (path, query) = match uri {
            Cow::Borrowed(uri) => match uri.split_once('?') {
                Some((path, query)) => (Cow::Borrowed(path), Some(Cow::Borrowed(query))),
                None => (Cow::Borrowed(uri), None),
            },
            Cow::Owned(uri) => match uri.split_once('?') {
                Some((path, query)) => (Cow::Owned(path.into()), Some(Cow::Owned(query.into()))),
                None => (Cow::Owned(uri), None),
            },
        };
        let is_plain = is_plain(path.as_bytes());
        (is_plain || is_decodable(path.as_bytes())).then_some(Target { path, query })
    }
}

/// Non-ASCII bytes must be UTF-8.
fn escape_non_ascii(uri: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(uri).ok()?;
    if text.is_ascii() {
        return Some(Cow::Borrowed(text));
    }
    let mut escaped = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        match byte.is_ascii() {
            true => escaped.push(char::from(byte)),
            false => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(Cow::Owned(escaped))
}

/// Whether there is only one way to read a path: no escapes, parameters, backslashes, capitals, empty segments, and no
/// segment that begins with a dot.
pub fn is_plain(path: &[u8]) -> bool {
    let mut previous = 0;
    path.iter().all(|&byte| {
        let follows_slash = previous == b'/';
        previous = byte;
        match byte {
            b'%' | b';' | b'\\' | b'A'..=b'Z' => false,
            b'/' | b'.' => !follows_slash,
            _ => true,
        }
    })
}

/// Whether each `%` begins an escape, and none is of a control character or a part of an overlong form.
fn is_decodable(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        if escaped(&rest[at..]).is_none() {
            return false;
        }
        rest = &rest[at + 3..];
    }
    has_only_usual_characters(&decode(path, |_| true))
}

/// The byte that an escape at the beginning of `text` stands for.
fn escaped(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match text {
        [b'%', high, low, ..] => u8::try_from(16 * digit(*high)? + digit(*low)?).ok(),
        _ => None,
    }
}

/// No control character, and no overlong form: some decoders read `%C0%AF` as a slash (RFC 3629, 10).
fn has_only_usual_characters(decoded: &[u8]) -> bool {
    let next = |at: usize| decoded.get(at + 1).copied().unwrap_or_default();
    decoded.iter().enumerate().all(|(at, byte)| match byte {
        0..=0x1f | 0x7f | 0xc0 | 0xc1 => false,
        0xe0 => !(0x80..=0x9f).contains(&next(at)),
        0xf0 => !(0x80..=0x8f).contains(&next(at)),
        _ => true,
    })
}

/// Whether browsers would ask for another path instead: they resolve dot segments, and take a backslash for a slash.
pub fn is_rewritten_by_browsers(path: &str) -> bool {
    let decoded = decode(path.as_bytes(), |byte| byte == b'.');
    remove_dot_segments(&with_slashes(&decoded)) != decoded
}

/// Replaces the escapes of the bytes that `decode_it` names.
fn decode(path: &[u8], decode_it: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        match escaped(&path[at..]).filter(|byte| decode_it(*byte)) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(path[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// The path to an app that ignores case. To some (Python's and Go's regular expressions, Go's `EqualFold` and `ToLower`) these
/// four characters are letters of ASCII as well.
pub fn ignoring_case(path: &[u8]) -> Vec<u8> {
    const LETTERS: [(char, &str); 4] = [
        ('\u{212a}', "k"),
        ('\u{17f}', "s"),
        ('\u{130}', "i"),
        ('\u{131}', "i"),
    ];
    let mut lower = String::from_utf8_lossy(path).to_ascii_lowercase();
    for (letter, ascii) in LETTERS {
        lower = lower.replace(letter, ascii);
    }
    lower.into_bytes()
}

#[cfg(test)]
mod tests;
