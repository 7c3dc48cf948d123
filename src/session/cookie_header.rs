//! The `Cookie` header, read byte by byte before the framework sees it (RFC 6265, 4.2.1 and 5.4).
//!
//! The framework decodes names, trims every Unicode space around them, and reads no cookie at all if one byte is not
//! UTF-8. Browsers do none of this. So a sibling domain could set a cookie that the framework reads as ours although its
//! name lacks the protected prefix, and another application's cookie could hide ours. The framework therefore gets a new
//! header that contains only our own well-formed cookies.

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};

use super::cookie_names::CookieNames;

/// Whether one of our cookies was sent more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnCookies {
    /// Each was sent at most once.
    Unique,
    /// Some name was sent more than once. Browsers keep several cookies with one name if another party set one of them:
    /// from a sibling domain, over plain http, or for another path. We can't know which one is ours, so none counts.
    Duplicated,
}

/// Removes from `headers` all cookies but our own well-formed ones that were sent once.
pub fn keep_own_cookies(headers: &mut HeaderMap, names: &CookieNames) -> OwnCookies {
    // Few, since a request may have no more than some dozens: a search costs less than a map.
    let mut own: Vec<(&str, Option<&str>)> = Vec::new();
    let mut seen = OwnCookies::Unique;
    for (name, value) in headers.get_all(COOKIE).flat_map(pairs) {
        let Some(name) = as_ascii(name).filter(|name| names.is_ours(name)) else {
            continue;
        };
        match own.iter_mut().find(|(known, _)| *known == name) {
            None => own.push((name, as_ascii(value).filter(|value| is_value(value)))),
            Some((_, value)) => {
                *value = None;
                seen = OwnCookies::Duplicated;
            }
        }
    }
    let mut header = String::new();
    for (name, value) in own {
        let Some(value) = value else { continue };
        let separator = if header.is_empty() { "" } else { "; " };
        header.extend([separator, name, "=", value]);
    }
    headers.remove(COOKIE);
    if !header.is_empty() {
        let header = HeaderValue::try_from(header);
        headers.insert(COOKIE, header.expect("tokens and cookie octets are ASCII"));
    }
    seen
}

/// The number of cookies in the request, ours and others.
pub fn count(headers: &HeaderMap) -> usize {
    let lines = headers.get_all(COOKIE);
    let parts = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    parts.filter(|part| !trim(part).is_empty()).count()
}

/// The names and values of one line, as bytes. A part without `=` has no name and is left out.
pub(super) fn pairs(line: &HeaderValue) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.as_bytes()
        .split(|byte| *byte == b';')
        .filter_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let (name, value) = pair.split_at(equals);
            Some((trim(name), trim(&value[1..])))
        })
}

/// Removes spaces and tabs at both ends, and nothing else, as browsers do.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

pub(super) fn as_ascii(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.is_ascii().then_some(text)
}

/// Whether `text` consists of `cookie-octet`s (RFC 6265, 4.1.1). We set no quoted values.
pub(super) fn is_value(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::public_url::PublicUrl;

    /// What is left of `lines`, of which each is a header.
    fn left_of(lines: &[&[u8]]) -> (Option<String>, OwnCookies) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        let names = CookieNames::of(&PublicUrl::parse("https://app.example").unwrap());
        let seen = keep_own_cookies(&mut headers, &names);
        let mut left = headers.get_all(COOKIE);
        let header = left.next().map(|value| value.to_str().unwrap().to_owned());
        assert!(left.next().is_none());
        (header, seen)
    }

    fn kept(line: impl AsRef<[u8]>) -> Option<String> {
        let (kept, seen) = left_of(&[line.as_ref()]);
        assert_eq!(seen, OwnCookies::Unique);
        kept
    }

    #[test]
    fn our_own_cookies_are_handed_on_and_no_others() {
        let ours = "__Host-doorward=a; __Host-doorward-login-x=b";
        assert_eq!(kept(ours).as_deref(), Some(ours));
        let among = "a=1;\t__Host-doorward = a ;b;=c;__Host-doorward-login-x=b;; d=\"e\"";
        assert_eq!(kept(among).as_deref(), Some(ours));
        let lines: [&[u8]; 2] = [b"__Host-doorward=a", b"x=y; __Host-doorward-login-x=b"];
        assert_eq!(left_of(&lines).0.as_deref(), Some(ours));
        assert_eq!(kept("a=1; b=2"), None);
        assert_eq!(kept(""), None);
    }

    #[test]
    fn a_byte_that_is_not_utf_8_hides_nothing() {
        let ours = Some("__Host-doorward=a");
        for line in [
            b"utmz=Unders\xf8gelse; __Host-doorward=a".as_slice(),
            b"__Host-doorward=a; \xff\xfe=\xfd",
            b"\x80;__Host-doorward=a;\xe2\x80",
        ] {
            assert_eq!(kept(line).as_deref(), ours, "{}", line.escape_ascii());
        }
    }

    /// Every character that Rust, and so the framework, treats as white space.
    #[test]
    fn no_white_space_but_space_and_tab_is_taken_away() {
        let spaces = ('\u{1}'..=char::MAX).filter(|c| c.is_whitespace());
        let spaces: Vec<char> = spaces.filter(|c| !c.is_ascii_control()).collect();
        assert!(spaces.len() >= 20 && spaces.contains(&'\u{2003}'));
        for space in spaces {
            for (at, planted) in [
                format!("{space}__Host-doorward=evil"),
                format!("__Host-doorward{space}=evil"),
                format!(" {space} __Host-doorward=evil"),
            ]
            .into_iter()
            .enumerate()
            {
                let expected = match space {
                    ' ' => Some("__Host-doorward=evil".to_owned()),
                    _ => None,
                };
                assert_eq!(kept(&planted), expected, "{at} {space:?}");
                let both = format!("__Host-doorward=a; {planted}");
                let left = left_of(&[both.as_bytes()]);
                match space {
                    ' ' => assert_eq!(left, (None, OwnCookies::Duplicated)),
                    _ => assert_eq!(left.0.as_deref(), Some("__Host-doorward=a"), "{space:?}"),
                }
            }
        }
    }

    #[test]
    fn a_name_that_is_only_spelled_like_ours_is_not_ours() {
        for name in [
            "%5F%5FHost-doorward",
            "__Host%2Ddoorward",
            "__host-doorward",
        ] {
            assert_eq!(kept(format!("{name}=evil")), None, "{name}");
        }
    }

    #[test]
    fn a_name_that_comes_twice_counts_for_nothing() {
        for (line, left) in [
            ("__Host-doorward=a; __Host-doorward=a", None),
            ("__Host-doorward=a; __Host-doorward=\"b\"", None),
            (
                "__Host-doorward=; __Host-doorward=a; __Host-doorward=b",
                None,
            ),
            (
                "__Host-doorward=a; __Host-doorward-logout=b;__Host-doorward=c",
                Some("__Host-doorward-logout=b"),
            ),
        ] {
            let left = (left.map(str::to_owned), OwnCookies::Duplicated);
            assert_eq!(left_of(&[line.as_bytes()]), left, "{line}");
        }
        let lines: [&[u8]; 2] = [b"__Host-doorward=a", b"__Host-doorward=\xff"];
        assert_eq!(left_of(&lines), (None, OwnCookies::Duplicated));
        assert_eq!(kept("a=1; a=2; __Host-other=x; __Host-other=y"), None);
    }

    #[test]
    fn a_value_of_other_octets_than_a_cookies_is_dropped() {
        for value in [
            &b"a b"[..],
            b"\"a\"",
            b"a,b",
            b"a\\b",
            b"\xff",
            b"a\tb",
            "é".as_bytes(),
        ] {
            let line = [b"__Host-doorward=".as_slice(), value].concat();
            assert_eq!(kept(&line), None, "{}", line.escape_ascii());
        }
        assert_eq!(
            kept("__Host-doorward=a=b%3D/+").as_deref(),
            Some("__Host-doorward=a=b%3D/+")
        );
    }

    #[test]
    fn empty_places_are_no_cookies() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("; a=1;;b; \t;=;"));
        headers.append(COOKIE, HeaderValue::from_static("c=d"));
        assert_eq!(count(&headers), 4);
        assert_eq!(count(&HeaderMap::new()), 0);
    }
}
