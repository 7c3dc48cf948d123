//! All ways in which an app may read a path.

use super::{decode, has_only_usual_characters};

/// How often a path may be encoded over and over. A reading more would not cost much, thousands would.
const DECODE_LIMIT: usize = 4;

/// How many readings a path may have. Nobody links to one with more.
const LIMIT: usize = 128;

type Step = fn(&[u8]) -> Vec<u8>;

/// What a server may do to a path before it hands it on, or finds the page by it.
const STEPS: [Step; 9] = [
    // As browsers do, and servers that read URLs as they do.
    |path| decode(path, |byte| byte == b'.'),
    |path| decode(path, is_unreserved),
    |path| decode(path, |byte| byte != b'/'),
    |path| decode(path, |_| true),
    with_slashes,
    merge_slashes,
    remove_dot_segments,
    cut_parameters,
    cut_query,
];

/// All readings of a path: what is left of it after any number of these steps in any order, since several servers may read it
/// one after another, and each its own way. One decodes it or a part of it, ignores what follows a `;` in a segment or what
/// follows a `?` that was encoded, takes a backslash for a slash, merges slashes, or removes dot segments; and each may leave
/// any of that undone.
///
/// # Errors
/// Nothing, if the path is encoded too often, decodes to what [`Target::parse`](super::Target::parse) does not accept, or has
/// too many readings.
pub fn readings(path: &str) -> Option<Vec<Vec<u8>>> {
    if !is_decoded_soon(path.as_bytes()) {
        return None;
    }
    let mut readings = vec![path.as_bytes().to_vec()];
    let mut at = 0;
    while at < readings.len() {
        for step in STEPS {
            let reading = step(&readings[at]);
            if readings.contains(&reading) {
                continue;
            }
            if readings.len() == LIMIT || !has_only_usual_characters(&reading) {
                return None;
            }
            readings.push(reading);
        }
        at += 1;
    }
    Some(readings)
}

/// Whether nothing is left to decode after a few times.
fn is_decoded_soon(path: &[u8]) -> bool {
    let mut current = path.to_vec();
    for _ in 0..=DECODE_LIMIT {
        let next = decode(&current, |_| true);
        if next == current {
            return true;
        }
        current = next;
    }
    false
}

/// RFC 3986, 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

pub(super) fn with_slashes(path: &[u8]) -> Vec<u8> {
    let slash = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
    path.iter().map(slash).collect()
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut merged = path.to_vec();
    merged.dedup_by(|one, other| (*one, *other) == (b'/', b'/'));
    merged
}

/// Cuts each segment at its first `;` (RFC 3986, 3.3).
fn cut_parameters(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|byte| *byte == b'/');
    let cut = segments.map(|segment| {
        let end = segment.iter().position(|byte| *byte == b';');
        &segment[..end.unwrap_or(segment.len())]
    });
    cut.collect::<Vec<_>>().join(&b'/')
}

/// A proxy may decode a path and send it so to the app, for which the path then ends here.
fn cut_query(path: &[u8]) -> Vec<u8> {
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#'));
    path[..end.unwrap_or(path.len())].to_vec()
}

/// RFC 3986, 5.2.4.
pub(super) fn remove_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                if is_last {
                    kept.push(b"");
                }
            }
            segment => kept.push(segment),
        }
    }
    let mut removed = vec![b'/'];
    removed.extend_from_slice(&kept.join(&b'/'));
    removed
}
