//! The error of an endpoint that refuses a request: in the body (RFC 6749, 5.2), or in `WWW-Authenticate` (RFC 6750, 3).

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::oidc::jose::json::{self, Object, quoted};

/// An error code and its description, both as the provider sent them. Only for the log, escaped and cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// `error`: one short word.
    pub code: String,
    /// `error_description`.
    pub description: Option<String>,
}

impl Refusal {
    /// Reads the body of a token endpoint's response. `None` if its `error` is not a short word.
    pub fn of_body(body: &[u8]) -> Option<Refusal> {
        let refusal = Object::read(body, &["error", "error_description"]).ok()?;
        Some(Refusal {
            code: refusal.text("error").ok().filter(|code| is_word(code))?,
            description: refusal.lenient("error_description", json::text),
        })
    }

    /// Reads a challenge. `None` if it has no `error`: then the request only lacked authentication.
    pub fn of_challenge(challenge: &str) -> Option<Refusal> {
        Some(Refusal {
            code: parameter(challenge, "error").filter(|code| is_word(code))?,
            description: parameter(challenge, "error_description"),
        })
    }

    /// Replaces each text in which the provider repeats one of `secrets`, which we sent.
    pub fn without(self, secrets: &[&str]) -> Refusal {
        let hide = |text: String| {
            // Plain, or partly or wholly encoded as in a URL or a form.
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let readings = [
                text.clone(),
                decoded(&text),
                decoded(&text.replace('+', " ")),
            ];
            let mut secrets = secrets.iter().filter(|secret| !secret.is_empty());
            match secrets.any(|secret| readings.iter().any(|it| it.contains(secret))) {
                true => "(it repeats a secret)".to_owned(),
                false => text,
            }
        };
        Refusal {
            code: hide(self.code),
            description: self.description.map(hide),
        }
    }

    /// Appends the description, if there is one, to a text about the code.
    pub fn write_description(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.description.as_deref() {
            None | Some("") => Ok(()),
            Some(description) => write!(f, "; it says {}", quoted(description)),
        }
    }
}

fn is_word(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The parameter called `name` of a challenge (RFC 9110, 11.2): a token, or a string in quotes.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let mut rest = challenge;
    loop {
        let (before, after) = rest.split_once('=')?;
        let found = before.rsplit([' ', '\t', ',']).next().unwrap_or_default();
        let (value, behind) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (value, behind) = after.split_once([' ', ',']).unwrap_or((after, ""));
                (value.to_owned(), behind)
            }
        };
        if found.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = behind;
    }
}

/// The text up to the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            character => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str, description: Option<&str>) -> Option<Refusal> {
        Some(Refusal {
            code: code.to_owned(),
            description: description.map(str::to_owned),
        })
    }

    #[test]
    fn a_challenge_may_say_why() {
        for (challenge, expected) in [
            ("Bearer", None),
            ("Bearer realm=\"error=x\"", None),
            (
                "Bearer realm=\"a\", error=\"invalid_token\", error_description=\"It, \\\"a\\\", expired\"",
                refusal("invalid_token", Some("It, \"a\", expired")),
            ),
            ("Bearer error=invalid_token", refusal("invalid_token", None)),
            (
                "DPoP algs=\"ES256\", Bearer Error=insufficient_scope,scope=\"openid\"",
                refusal("insufficient_scope", None),
            ),
            ("Bearer error_description=\"x\"", None),
            ("Bearer error=\"<script>\"", None),
            ("Bearer error=\"unclosed", None),
            ("Bearer error=\"a\\", None),
            ("=", None),
            ("error", None),
        ] {
            assert_eq!(Refusal::of_challenge(challenge), expected, "{challenge}");
        }
    }

    #[test]
    fn a_body_may_say_why() {
        for (body, expected) in [
            (r#"{"error":"a"}"#, refusal("a", None)),
            (r#"{"error":"a","error_description":7}"#, refusal("a", None)),
            (
                r#"{"error":"a","error_description":"b"}"#,
                refusal("a", Some("b")),
            ),
            (r#"{"error":"<b>"}"#, None),
            (r#"{"error":7}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(Refusal::of_body(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn a_secret_that_is_repeated_is_taken_out() {
        let repeating = refusal("invalid_grant", Some("no code hunter2")).unwrap();
        let hidden = repeating.clone().without(&["", "hunter2"]);
        assert_eq!(
            Some(hidden),
            refusal("invalid_grant", Some("(it repeats a secret)"))
        );
        assert_eq!(repeating.clone().without(&["", "hunter3"]), repeating);
        for encoded in ["client_secret=a%2Bb+c", "a%2bb%20c", "%61%2b%62%20%63"] {
            let as_sent = refusal("invalid_client", Some(encoded)).unwrap();
            assert_ne!(as_sent.clone().without(&["a+b c"]), as_sent, "{encoded}");
        }
    }
}
