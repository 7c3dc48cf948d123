//! The sealed column of a session's row, as JSON.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// The content of the sealed column. A field that a row lacks gets its default.
#[derive(Clone, Default)]
pub struct Stored {
    /// The ID token of the sign-in: the hint for signing out at the provider (RP-Initiated Logout 1.0, 2).
    pub id_token_hint: Option<SecretString>,
    /// How strongly the provider authenticated the person, in its words.
    pub acr: Option<String>,
    /// When the provider authenticated the person, in UTC, to the second.
    pub auth_time: Option<OffsetDateTime>,
    /// What the provider is asked again with.
    pub refresh_token: Option<SecretString>,
    /// When the provider issued its latest ID token, in UTC, if that is not the hint.
    pub issued_at: Option<OffsetDateTime>,
}

/// The JSON that is written. Its values are texts, since the previous version reads nothing else.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token_hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    /// Likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<String>,
}

/// The JSON that is read.
#[derive(Deserialize)]
struct Read {
    id_token_hint: Option<SecretString>,
    /// Rows used to hold actix-session's map, whose values are JSON again: `{"id_token":"\"eyJ…\""}`.
    id_token: Option<SecretString>,
    /// A value that is no text is of a future version, and then unknown.
    #[serde(default)]
    acr: Value,
    #[serde(default)]
    auth_time: Value,
    refresh_token: Option<SecretString>,
    #[serde(default)]
    iat: Value,
}

impl Stored {
    /// What is to be sealed.
    pub fn to_json(&self) -> Vec<u8> {
        let hint = self.id_token_hint.as_ref();
        let refresh_token = self.refresh_token.as_ref();
        let secs = |at: OffsetDateTime| at.unix_timestamp().to_string();
        let written = Written {
            id_token_hint: hint.map(ExposeSecret::expose_secret),
            acr: self.acr.as_deref(),
            auth_time: self.auth_time.map(secs),
            refresh_token: refresh_token.map(ExposeSecret::expose_secret),
            iat: self.issued_at.map(secs),
        };
        serde_json::to_vec(&written).expect("strings always serialise")
    }

    /// What was sealed; nothing if it was not a session.
    pub fn from_json(json: &[u8]) -> Option<Stored> {
        let Read {
            id_token_hint,
            id_token,
            acr,
            auth_time,
            refresh_token,
            iat,
        } = serde_json::from_slice(json).ok()?;
        let from_map = id_token.and_then(|json| serde_json::from_str(json.expose_secret()).ok());
        let time = |value: &Value| {
            let secs = value.as_str()?.parse().ok()?;
            OffsetDateTime::from_unix_timestamp(secs).ok()
        };
        Some(Stored {
            id_token_hint: id_token_hint.or(from_map),
            acr: acr.as_str().map(str::to_owned),
            auth_time: time(&auth_time),
            refresh_token,
            issued_at: time(&iat),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(json: &str) -> Option<String> {
        let stored = Stored::from_json(json.as_bytes()).unwrap();
        let again = Stored::from_json(&stored.to_json()).unwrap();
        let [first, again] =
            [stored, again].map(|stored| Some(stored.id_token_hint?.expose_secret().to_owned()));
        assert_eq!(first, again);
        first
    }

    #[test]
    fn a_row_is_read_whichever_version_wrote_it() {
        for (json, expected) in [
            (r#"{"id_token_hint":"a.b.c"}"#, Some("a.b.c")),
            (r#"{}"#, None),
            // The former form: a map of JSON texts.
            (r#"{"id_token":"\"a.b.c\""}"#, Some("a.b.c")),
            (r#"{"id_token":"not JSON"}"#, None),
            // A future form with more fields.
            (r#"{"id_token_hint":"a.b.c","acr":["x"]}"#, Some("a.b.c")),
        ] {
            assert_eq!(hint(json).as_deref(), expected, "{json}");
        }
        assert!(Stored::from_json(b"[]").is_none());
        assert!(Stored::from_json(b"").is_none());
    }

    #[test]
    fn how_the_person_signed_in_is_kept_and_unknown_where_it_is_no_text() {
        let at = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        for (json, acr, auth_time) in [
            (r#"{}"#, None, None),
            (
                r#"{"acr":"phr","auth_time":"1800000000"}"#,
                Some("phr"),
                Some(at),
            ),
            (r#"{"acr":["phr"],"auth_time":1800000000}"#, None, None),
            (r#"{"acr":null,"auth_time":"soon"}"#, None, None),
            (r#"{"auth_time":"99999999999999"}"#, None, None),
        ] {
            let stored = Stored::from_json(json.as_bytes()).unwrap();
            let again = Stored::from_json(&stored.to_json()).unwrap();
            for stored in [stored, again] {
                assert_eq!(stored.acr.as_deref(), acr, "{json}");
                assert_eq!(stored.auth_time, auth_time, "{json}");
            }
        }
    }

    #[test]
    fn the_previous_version_can_read_what_is_written() {
        let stored = Stored {
            id_token_hint: Some("a.b.c".into()),
            acr: Some("phr".to_owned()),
            auth_time: Some(OffsetDateTime::UNIX_EPOCH),
            refresh_token: Some("r".into()),
            issued_at: Some(OffsetDateTime::UNIX_EPOCH),
        };
        for stored in [stored, Stored::default()] {
            let map = serde_json::from_slice::<std::collections::HashMap<String, String>>(
                &stored.to_json(),
            );
            assert!(map.is_ok());
        }
    }
}
