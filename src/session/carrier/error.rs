//! What can go wrong with the carrier itself.

use std::fmt;

/// A bug of ours: the layers are incomplete, or a handler did what no handler may do.
#[derive(Debug, PartialEq, Eq)]
pub enum CarrierError {
    /// [`session_scope`] is missing.
    NoScope,
    /// One request loaded or started two sessions.
    Twice,
    /// The middleware of actix-identity refused.
    Identity,
    /// A session is to be stored, and no sign-in started it: an anonymous visitor costs no row.
    NobodySignedIn,
}

impl fmt::Display for CarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CarrierError::NoScope => "the session's outermost layer is missing",
            CarrierError::Twice => "one request has two sessions",
            CarrierError::Identity => "actix-identity did not take the session",
            CarrierError::NobodySignedIn => "a session is for somebody who signed in",
        })
    }
}

impl std::error::Error for CarrierError {}
