//! Text from outside, written so that it can't imitate anything else: a line, a field, another name.

use std::fmt;
use std::io;

/// A value in a line of text. Visible ASCII is written unchanged. Anything else is quoted, with invisible characters escaped,
/// so that one value can't look like two.
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

/// At most the first `limit` characters of `text`.
pub fn cut(text: &str, limit: usize) -> &str {
    let end = text
        .char_indices()
        .nth(limit)
        .map_or(text.len(), |(end, _)| end);
    &text[..end]
}

/// Whether a character moves the cursor, starts a line, changes the text's direction (bidi) or is invisible. A tab is not.
pub fn is_control_or_invisible(c: char) -> bool {
    match c {
        '\t' => false,
        '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

/// `text` with control and invisible characters escaped, so that two different names look different.
pub fn visible(text: &str) -> String {
    if is_visible_ascii(text) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_control_or_invisible(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// Whether there is nothing in `text` to escape, as in nearly all.
fn is_visible_ascii(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Writes text so that it can neither start a log line nor control a terminal.
pub(super) struct Plain<'a, W>(pub &'a mut W);

impl<W: io::Write> fmt::Write for Plain<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut write = |text: &str| self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error);
        if is_visible_ascii(text) {
            return write(text);
        }
        for piece in text.split_inclusive(is_control_or_invisible) {
            let end = piece
                .chars()
                .next_back()
                .filter(|end| is_control_or_invisible(*end));
            write(piece.strip_suffix(is_control_or_invisible).unwrap_or(piece))?;
            match end {
                Some('\n') => write("\n    ")?,
                Some(control) => write(&control.escape_default().to_string())?,
                None => (),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn text_can_neither_start_a_line_nor_control_a_terminal() {
        let mut plain = Vec::new();
        write!(Plain(&mut plain), "a\nb\u{1b}[31m\rc\td").unwrap();
        let plain = String::from_utf8(plain).unwrap();
        assert_eq!(plain, "a\n    b\\u{1b}[31m\\rc\td");
        for control in [
            "\u{202e}", "\u{2066}", "\u{200f}", "\u{2028}", "\u{feff}", "\u{85}",
        ] {
            let mut plain = Vec::new();
            write!(Plain(&mut plain), "a{control}b \u{fc}").unwrap();
            let plain = String::from_utf8(plain).unwrap();
            let escaped = control.escape_default();
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
