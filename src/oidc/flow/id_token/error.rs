//! Why an ID token is refused.

use std::fmt;

use crate::oidc::flow::requirement::Unmet;
use crate::oidc::jose::json::quoted;
use crate::oidc::jose::jws::JwsError;

/// Why an ID token is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum IdTokenError {
    /// The provider did not sign it as expected.
    Jws(JwsError),
    /// Its payload is not a JSON object.
    Payload(String),
    /// A claim is missing or of a wrong type.
    Claim(String),
    /// `iss` is another issuer.
    Issuer(String),
    /// `aud` does not name us.
    Audience,
    /// `azp` is another client.
    AuthorizedParty,
    /// There are several audiences, and no `azp`.
    NoAuthorizedParty,
    /// `exp` is past.
    Expired,
    /// `iat` or `nbf` is in the future.
    NotYetValid,
    /// `nonce` is that of another authorization request.
    Nonce,
    /// There is no `nonce`.
    NoNonce,
    /// `at_hash` is that of another access token.
    AccessTokenHash,
    /// `sub` is empty, too long or not printable.
    Subject,
    /// The person was not authenticated as this sign-in requires.
    Authentication(Unmet),
    /// `session_expiry` is not in the future: the provider's session is over.
    SessionOver,
    /// It has `events`, so it is a logout token (Back-Channel Logout 1.0, 2.4).
    Events,
}

impl fmt::Display for IdTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jws(cause) => cause.fmt(f),
            Self::Payload(cause) => write!(f, "malformed: {cause}"),
            Self::Claim(cause) => f.write_str(cause),
            Self::Issuer(found) => write!(f, "its iss is {}, not OIDC_ISSUER", quoted(found)),
            Self::Audience => f.write_str("its aud does not name OIDC_CLIENT_ID"),
            Self::AuthorizedParty => f.write_str("its azp is not OIDC_CLIENT_ID"),
            Self::NoAuthorizedParty => f.write_str("it has several audiences and no azp"),
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not valid yet"),
            Self::Nonce => f.write_str("its nonce is not the one of this attempt"),
            Self::NoNonce => f.write_str("it has no nonce"),
            Self::AccessTokenHash => f.write_str("its at_hash is not of this access token"),
            Self::Subject => f.write_str("its sub is empty, over 255 characters or not printable"),
            Self::Authentication(cause) => cause.fmt(f),
            Self::SessionOver => f.write_str("its session_expiry is past"),
            Self::Events => f.write_str("it has events, so it is a logout token"),
        }
    }
}

impl std::error::Error for IdTokenError {}

impl From<JwsError> for IdTokenError {
    fn from(cause: JwsError) -> Self {
        IdTokenError::Jws(cause)
    }
}
