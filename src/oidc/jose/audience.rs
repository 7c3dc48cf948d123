//! `aud` (RFC 7519, 4.1.3): one string, or an array of strings.

use std::fmt;

use serde_json::Value;

use crate::oidc::jose::json::{self, Object, quoted};

/// The audience of a token.
#[derive(Debug, PartialEq, Eq)]
pub struct Audience(Vec<String>);

impl Audience {
    /// The `aud` of these claims.
    ///
    /// # Errors
    /// There is none, or it holds something else than strings.
    pub fn read(claims: &Object) -> Result<Audience, String> {
        claims.required("aud", "a string or an array of strings", |aud| match aud {
            Value::String(one) => Some(Audience(vec![one.clone()])),
            Value::Array(list) => {
                let list: Option<Vec<String>> = list.iter().map(json::text).collect();
                list.map(Audience)
            }
            _ => None,
        })
    }

    /// Whether it names `client_id`.
    pub fn names(&self, client_id: &str) -> bool {
        self.0.iter().any(|audience| audience == client_id)
    }

    /// Whether it names `audience` and nobody else.
    pub fn is_only(&self, audience: &str) -> bool {
        self.0 == [audience]
    }

    /// Whether it is an array of more than one.
    pub fn is_several(&self) -> bool {
        self.0.len() > 1
    }
}

/// For the log.
impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.0.join(" ")))
    }
}
