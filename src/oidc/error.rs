//! Every way in which the provider's side of a sign-in can be wrong.

use std::fmt;

use crate::oidc::flow::id_token::IdTokenError;
use crate::oidc::flow::refusal::Refusal;
use crate::oidc::http::response::FetchError;
use crate::oidc::jose::jws::JwsError;

/// What went wrong. The text is for the log: it names what was expected and what came, never a
/// secret, a code or a token.
#[derive(Clone, Debug)]
pub enum Error {
    /// A call to the provider did not bring an answer that can be read.
    Fetch {
        /// What was asked for, such as "discovery".
        what: &'static str,
        /// Why nothing came.
        cause: FetchError,
    },
    /// The discovery document is not one (OpenID Connect Discovery 1.0, 3 and 4.3).
    Discovery(String),
    /// The key set is not one (RFC 7517, 5).
    Keys(String),
    /// The authorization response is not our provider's (RFC 9207, 2.4).
    ResponseIssuer(&'static str),
    /// The token endpoint refused the code (RFC 6749, 5.2, `invalid_grant`): stale or used.
    CodeRefused(Refusal),
    /// The token endpoint refused us (RFC 6749, 5.2).
    TokenRefused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        refusal: Refusal,
    },
    /// The token response is not one (RFC 6749, 5.1; OpenID Connect Core 3.1.3.3).
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
    /// The userinfo response is not one (OpenID Connect Core 5.3.2).
    Userinfo(String),
    /// Userinfo is about somebody else (OpenID Connect Core 5.3.2).
    UserinfoSubject,
}

impl Error {
    /// For `map_err` on a call that asked for `what`.
    pub fn fetching(what: &'static str) -> impl Fn(FetchError) -> Error {
        move |cause| Error::Fetch { what, cause }
    }

    /// When the provider wants to be asked again, in seconds, if it said so.
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

    /// Whether the provider is there but has too much to do (RFC 6585, 4; RFC 9110, 15.6.4).
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

/// Faults of set-up, here or at the provider, that no waiting cures.
impl Error {
    /// Whether an administrator must do something before anybody can sign in.
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
                what,
                cause: FetchError::Status { status, .. },
            } => match (*what, status) {
                // Nothing is there, or not for us. These three are of the moment.
                (_, 408 | 425 | 429) => false,
                ("discovery" | "keys", 400..=499) => true,
                ("token", 401) => true,
                _ => false,
            },
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Fetch { what, cause } => write!(f, "{what}: {cause}"),
            Error::Discovery(cause) => write!(f, "the discovery document is refused: {cause}"),
            Error::Keys(cause) => write!(f, "the provider's keys are refused: {cause}"),
            Error::ResponseIssuer(cause) => {
                write!(f, "the authorization response is refused: {cause}")
            }
            Error::CodeRefused(refusal) => {
                f.write_str(
                    "the token endpoint answered invalid_grant: the code is stale, used before, \
                     or was made for another redirect URI",
                )?;
                refusal.write_description(f)
            }
            Error::TokenRefused { refusal, .. } => {
                write!(
                    f,
                    "the token endpoint answered {:?}: check OIDC_CLIENT_ID, OIDC_CLIENT_SECRET \
                     and the application's client authentication",
                    refusal.code
                )?;
                refusal.write_description(f)
            }
            Error::AccessTokenRefused { status, refusal } => {
                let code = &refusal.code;
                write!(
                    f,
                    "userinfo: the provider answered with status {status}: {code:?}"
                )?;
                refusal.write_description(f)
            }
            Error::TokenResponse(cause) => write!(f, "the token response is refused: {cause}"),
            Error::TokenType(cause) => write!(f, "the token response is refused: {cause}"),
            Error::IdToken(cause) => {
                write!(f, "the ID token is refused: {cause}")?;
                match cause {
                    IdTokenError::Jws(JwsError::Algorithm { .. }) => f.write_str(
                        " (what OIDC_ID_TOKEN_ALGS says, or else discovery's \
                         id_token_signing_alg_values_supported)",
                    ),
                    _ => Ok(()),
                }
            }
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
mod tests {
    use super::super::CertificateFault;
    use super::*;

    #[test]
    fn a_provider_that_has_too_much_to_do_says_when_to_ask_again() {
        for (status, is_busy) in [(429, true), (503, true), (500, false), (404, false)] {
            let error = Error::fetching("token")(FetchError::Status {
                status,
                retry_after_secs: Some(30),
            });
            assert_eq!(error.is_busy(), is_busy, "{status}");
            assert_eq!(error.retry_after_secs(), Some(30));
        }
        let refused = Error::CodeRefused(refusal("invalid_grant", None));
        assert!(!refused.is_busy());
        assert_eq!(refused.retry_after_secs(), None);
    }

    fn refusal(code: &str, description: Option<&str>) -> Refusal {
        Refusal {
            code: code.to_owned(),
            description: description.map(str::to_owned),
        }
    }

    fn refused(code: &str) -> Error {
        Error::TokenRefused {
            status: 400,
            refusal: refusal(code, None),
        }
    }

    #[test]
    fn what_no_waiting_cures_is_a_fault_of_set_up() {
        let status = |what, status| {
            Error::fetching(what)(FetchError::Status {
                status,
                retry_after_secs: None,
            })
        };
        for (error, expected) in [
            (Error::Discovery(String::new()), true),
            (refused("invalid_client"), true),
            (refused("unauthorized_client"), true),
            (refused("server_error"), false),
            (Error::CodeRefused(refusal("invalid_grant", None)), false),
            (status("discovery", 404), true),
            (status("keys", 403), true),
            (status("token", 401), true),
            (status("token", 404), false),
            (status("userinfo", 401), false),
            (status("discovery", 429), false),
            (status("discovery", 500), false),
            (Error::fetching("discovery")(FetchError::Timeout), false),
            (
                Error::fetching("discovery")(FetchError::Certificate(CertificateFault {
                    what: String::new(),
                    fix: String::new(),
                })),
                true,
            ),
        ] {
            assert_eq!(error.is_misconfiguration(), expected, "{error}");
        }
    }

    #[test]
    fn the_log_says_what_was_wrong_and_what_to_check() {
        for (error, text) in [
            (
                Error::fetching("discovery")(FetchError::Timeout),
                "discovery: the provider did not answer within 10 s",
            ),
            (
                Error::Keys("not a JSON object".to_owned()),
                "the provider's keys are refused: not a JSON object",
            ),
            (
                refused("invalid_client"),
                "the token endpoint answered \"invalid_client\": check OIDC_CLIENT_ID, \
                 OIDC_CLIENT_SECRET and the application's client authentication",
            ),
            (
                Error::CodeRefused(refusal("invalid_grant", Some("Code\nnot valid"))),
                "the token endpoint answered invalid_grant: the code is stale, used before, or was \
                 made for another redirect URI; it says \"Code\\nnot valid\"",
            ),
            (
                Error::AccessTokenRefused {
                    status: 401,
                    refusal: refusal("invalid_token", Some("")),
                },
                "userinfo: the provider answered with status 401: \"invalid_token\"",
            ),
            (
                IdTokenError::Expired.into(),
                "the ID token is refused: it has expired: check both clocks",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
