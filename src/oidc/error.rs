//! The errors of the provider's side of a sign-in.

use std::fmt;

use crate::observe::metrics::Endpoint;
use crate::oidc::flow::id_token::IdTokenError;
use crate::oidc::flow::refusal::Refusal;
use crate::oidc::http::response::FetchError;

/// What went wrong. The text is for the log: it says what was expected and what was found, never a secret, a code or a
/// token.
#[derive(Clone, Debug)]
pub enum Error {
    /// A request to the provider brought no response that can be used.
    Fetch {
        /// The endpoint.
        endpoint: Endpoint,
        /// Why there is no response.
        cause: FetchError,
    },
    /// The discovery document is refused (OpenID Connect Discovery 1.0, 3 and 4.3).
    Discovery(String),
    /// The key set is refused (RFC 7517, 5).
    Keys(String),
    /// The authorization response is not our provider's (RFC 9207, 2.4).
    ResponseIssuer(&'static str),
    /// The token endpoint refused the code (RFC 6749, 5.2, `invalid_grant`): expired or used.
    CodeRefused(Refusal),
    /// The token endpoint refused us (RFC 6749, 5.2).
    TokenRefused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        refusal: Refusal,
    },
    /// The token response is refused (RFC 6749, 5.1; OpenID Connect Core 3.1.3.3).
    TokenResponse(String),
    /// The token type is missing or not `Bearer`.
    TokenType(String),
    /// The ID token fails a check of OpenID Connect Core 3.1.3.7.
    IdToken(IdTokenError),
    /// The userinfo endpoint refused the access token, and says why (RFC 6750, 3).
    AccessTokenRefused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        refusal: Refusal,
    },
    /// The userinfo response is refused (OpenID Connect Core 5.3.2).
    Userinfo(String),
    /// Userinfo is about another person (OpenID Connect Core 5.3.2).
    UserinfoSubject,
}

impl Error {
    /// For `map_err` on a request to `endpoint`.
    pub fn fetching(endpoint: Endpoint) -> impl Fn(FetchError) -> Error {
        move |cause| Error::Fetch { endpoint, cause }
    }

    /// After how many seconds the provider wants the next request, if it says so.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Error::Fetch {
                cause:
                    FetchError::Status {
                        retry_after_secs, ..
                    },
                ..
            } => *retry_after_secs,
            _ => None,
        }
    }

    /// Whether the provider is overloaded (RFC 6585, 4; RFC 9110, 15.6.4).
    pub fn is_busy(&self) -> bool {
        matches!(
            self,
            Error::Fetch {
                cause: FetchError::Status {
                    status: 429 | 503,
                    ..
                },
                ..
            }
        )
    }
}

/// Faults of configuration, in Doorward or at the provider, which waiting does not fix.
impl Error {
    /// Whether an administrator must change something before anybody can sign in.
    pub fn is_misconfiguration(&self) -> bool {
        match self {
            Error::Discovery(_) => true,
            Error::Fetch {
                cause: FetchError::Certificate(_),
                ..
            } => true,
            Error::TokenRefused { refusal, .. } => !matches!(
                refusal.code.as_str(),
                "server_error" | "temporarily_unavailable"
            ),
            Error::Fetch {
                endpoint,
                cause: FetchError::Status { status, .. },
            } => match (endpoint, status) {
                // Temporary.
                (_, 408 | 425 | 429) => false,
                // The endpoint does not exist, or refuses us.
                (Endpoint::Discovery | Endpoint::Keys, 400..=499) => true,
                (Endpoint::Token, 401) => true,
                _ => false,
            },
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Fetch { endpoint, cause } => write!(f, "{endpoint}: {cause}"),
            Error::Discovery(cause) => write!(f, "the discovery document is refused: {cause}"),
            Error::Keys(cause) => write!(f, "the provider's keys are refused: {cause}"),
            Error::ResponseIssuer(cause) => {
                write!(f, "the authorization response is refused: {cause}")
            }
            Error::CodeRefused(refusal) => {
                f.write_str(
                    "the token endpoint responded with invalid_grant: the code is stale, used before, \
                     or was made for another redirect URI",
                )?;
                refusal.write_description(f)
            }
            Error::TokenRefused { refusal, .. } => {
                write!(f, "the token endpoint responded with {:?}", refusal.code)?;
                refusal.write_description(f)
            }
            Error::AccessTokenRefused { status, refusal } => {
                let code = &refusal.code;
                write!(
                    f,
                    "userinfo: the provider responded with status {status}: {code:?}"
                )?;
                refusal.write_description(f)
            }
            Error::TokenResponse(cause) => write!(f, "the token response is refused: {cause}"),
            Error::TokenType(cause) => write!(f, "the token response is refused: {cause}"),
            Error::IdToken(cause) => write!(f, "the ID token is refused: {cause}"),
            Error::Userinfo(cause) => write!(f, "the userinfo response is refused: {cause}"),
            Error::UserinfoSubject => {
                f.write_str("the sub of userinfo is not the sub of the ID token")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<IdTokenError> for Error {
    fn from(cause: IdTokenError) -> Self {
        Error::IdToken(cause)
    }
}

#[cfg(test)]
mod tests;
