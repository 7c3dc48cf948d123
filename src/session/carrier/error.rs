//! What can go wrong with the carrier itself.

use std::fmt;

/// A bug in Doorward: the layers are incomplete, or a handler misuses the session.
#[derive(Debug, PartialEq, Eq)]
pub enum CarrierError {
    /// [`session_scope`] is missing.
    NoScope,
    /// One request loaded or started two sessions.
    Twice,
    /// actix-identity returned an error.
    Identity,
    /// A session would be stored that no sign-in started: an anonymous visitor costs no row.
    NobodySignedIn,
}

impl fmt::Display for CarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CarrierError::NoScope => "the session's outermost layer is missing",
            CarrierError::Twice => "one request has two sessions",
            CarrierError::Identity => "actix-identity did not accept the session",
            CarrierError::NobodySignedIn => "a session without a sign-in can't be stored",
        })
    }
}

impl std::error::Error for CarrierError {}
