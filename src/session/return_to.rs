//! Where a person wanted to go before they had to sign in: a path of this application, or nothing.

use serde::{Deserialize, Serialize};

use crate::public_url::PublicUrl;

/// A path and query on the origin of `PUBLIC_URL`, which never signs in or out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The longest one that is kept, in bytes: the cookies of all attempts together must stay small.
    pub const LIMIT: usize = 512;

    /// An address that does not come from a request, or was judged: a path of this application, or the URL of an app behind
    /// the gateway.
    pub fn ours(path: String) -> Self {
        ReturnTo(path)
    }

    /// Reads `wanted` as a browser on `public_url` would; nothing if it leads anywhere else, or looks as if it tried to.
    /// `may_return_to` decides about the decoded path.
    pub fn parse(
        wanted: &str,
        public_url: &PublicUrl,
        may_return_to: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        let plain = wanted.len() <= Self::LIMIT
            && wanted.chars().all(is_plain)
            && wanted.starts_with('/')
            && !wanted.starts_with("//")
            && !hides_controls(wanted);
        if !plain {
            return None;
        }
        let url = public_url.url().join(wanted).ok()?;
        let stays = url.origin() == public_url.url().origin();
        // The router decodes: `/%6cogin` is `/login`.
        let decoded = percent_decoded(url.path());
        let loops = std::str::from_utf8(&decoded).is_ok_and(|path| !may_return_to(path));
        // Parsing encodes some characters as three.
        let written = &url[url::Position::BeforePath..];
        // Dots can hide the target: `/.//evil.example` is `//evil.example`, and
        // `/a/../%2fevil.example` is `/%2fevil.example`.
        (stays && !loops && !hides_controls(written) && written.len() <= Self::LIMIT)
            .then(|| ReturnTo(written.to_owned()))
    }

    /// For a `Location` header or a link.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the character may be in an address. Letters of all languages may; parsing encodes them as `%xx`.
fn is_plain(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_graphic() && c != '\\',
        false => !c.is_whitespace() && !c.is_control() && !is_invisible(c) && !is_lookalike(c),
    }
}

/// Joiners, direction marks, tags, noncharacters, and the replacement character.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether it looks like a slash, a backslash or a dot, or becomes one under normalization (NFKC).
fn is_lookalike(c: char) -> bool {
    matches!(
        c,
        '\u{2024}'..='\u{2026}' | '\u{2044}' | '\u{2047}'..='\u{2049}' | '\u{2100}' | '\u{2101}' | '\u{2105}' | '\u{2106}' | '\u{2488}'..='\u{249b}' | '\u{33c2}' | '\u{33d8}' | '\u{2215}' | '\u{2216}' | '\u{29f5}' | '\u{29f8}'
            | '\u{29f9}' | '\u{3002}' | '\u{fe10}'..='\u{fe19}' | '\u{fe30}'..='\u{fe6b}' | '\u{ff01}'..='\u{ff61}'
    )
}

/// Whether a character that a browser drops, or reads as a slash, is written as `%xx`: harmless
/// here, but something behind us may decode it.
fn hides_controls(wanted: &str) -> bool {
    let path = wanted.split(['?', '#']).next().unwrap_or_default();
    let decoded = percent_decoded(path);
    decoded.starts_with(b"//")
        || decoded
            .iter()
            .any(|byte| byte.is_ascii_control() || *byte == b'\\')
}

fn percent_decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_return_to(path: &str) -> bool {
        !["/login", "/logout", "/authorization-code/callback"].contains(&path)
    }

    fn parse(wanted: &str) -> Option<String> {
        let public_url = PublicUrl::parse("https://app.example.com").unwrap();
        ReturnTo::parse(wanted, &public_url, may_return_to).map(|return_to| return_to.0)
    }

    #[test]
    fn a_place_of_ours_is_kept_with_its_query() {
        for ours in [
            "/",
            "/profile",
            "/a/b?c=d&e=%2F%2F#f",
            "/a//b",
            "/caf%C3%A9",
            "/@x",
            "/a:b",
        ] {
            assert_eq!(parse(ours).as_deref(), Some(ours));
        }
        assert_eq!(parse("/a/../b").as_deref(), Some("/b"));
    }

    #[test]
    fn a_place_with_letters_of_any_language_is_kept_as_browsers_write_it() {
        for (wanted, kept) in [
            ("/berichte/über", "/berichte/%C3%BCber"),
            ("/berichte/u\u{308}ber", "/berichte/u%CC%88ber"),
            ("/yıllık?q=é#ü", "/y%C4%B1ll%C4%B1k?q=%C3%A9#%C3%BC"),
            ("/отчёт", "/%D0%BE%D1%82%D1%87%D1%91%D1%82"),
            (
                "/हिन्दी",
                "/%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80",
            ),
            ("/報告/\u{1f600}", "/%E5%A0%B1%E5%91%8A/%F0%9F%98%80"),
            ("/\u{212a}", "/%E2%84%AA"),
            ("/über/%C3%BC%2F", "/%C3%BCber/%C3%BC%2F"),
        ] {
            assert_eq!(parse(wanted).as_deref(), Some(kept), "{wanted}");
            assert_eq!(parse(kept).as_deref(), Some(kept), "{wanted}");
        }
        for hidden in [
            '\u{2003}', '\u{200d}', '\u{202e}', '\u{85}', '\u{ff0f}', '\u{fffd}',
        ] {
            assert_eq!(parse(&format!("/a{hidden}b")), None, "{hidden:?}");
        }
        // Each letter becomes nine characters at most.
        let long = format!("/{}", "ü".repeat(ReturnTo::LIMIT / 3));
        assert_eq!(parse(&long), None);
    }

    #[test]
    fn signing_in_or_out_is_no_place_to_return_to() {
        for loops in [
            "/login",
            "/login?return_to=/",
            "/logout",
            "/authorization-code/callback?x",
            "/x/../logout",
            "/%6cogin",
        ] {
            assert_eq!(parse(loops), None, "{loops}");
        }
    }

    #[test]
    fn what_is_too_long_is_dropped() {
        assert!(parse(&format!("/{}", "a".repeat(ReturnTo::LIMIT - 1))).is_some());
        assert!(parse(&format!("/{}", "a".repeat(ReturnTo::LIMIT))).is_none());
    }

    /// RFC 6749 10.15
    #[test]
    fn nothing_hostile_is_kept() {
        for line in include_str!("../../tests/data/return_to_hostile.txt").lines() {
            let wanted: String = serde_json::from_str(&format!("\"{line}\"")).expect(line);
            assert_eq!(parse(&wanted), None, "{line}");
        }
    }
}
