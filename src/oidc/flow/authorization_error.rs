//! The error of an authorization response (RFC 6749, 4.1.2.1; OpenID Connect Core 3.1.2.6).

use std::fmt;

use crate::oidc::jose::json::quoted;

/// Why the provider did not give us a code. Anybody can write an authorization response, so this only chooses among our
/// own texts; `Display` shows the code escaped and cut, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationError {
    /// `access_denied`: the person cancelled, or may not use this application.
    AccessDenied,
    /// `invalid_request`
    InvalidRequest,
    /// `invalid_scope`
    InvalidScope,
    /// `unauthorized_client`
    UnauthorizedClient,
    /// `unsupported_response_type`
    UnsupportedResponseType,
    /// `unsupported_response_mode` (OAuth 2.0 Multiple Response Type Encoding Practices, 2.1)
    UnsupportedResponseMode,
    /// `server_error`: RFC 6749 has it in place of status 500, which a redirect can't have.
    ServerError,
    /// `temporarily_unavailable`: in place of status 503.
    TemporarilyUnavailable,
    /// `login_required`
    LoginRequired,
    /// `interaction_required`
    InteractionRequired,
    /// `consent_required`
    ConsentRequired,
    /// `account_selection_required`
    AccountSelectionRequired,
    /// `unmet_authentication_requirements` (the OpenID specification of that name): the person can't sign in as
    /// strongly as the provider demands.
    UnmetAuthenticationRequirements,
    /// `temporarily_unavailable` with the description `authentication_expired`: what Keycloak says when its sign-in page
    /// was open for too long. It concerns this attempt only, so a fresh one will succeed.
    AuthenticationExpired,
    /// Another code.
    Unknown(String),
}

/// Those that are determined by the code alone.
const CODES: [AuthorizationError; 13] = [
    AuthorizationError::AccessDenied,
    AuthorizationError::InvalidRequest,
    AuthorizationError::InvalidScope,
    AuthorizationError::UnauthorizedClient,
    AuthorizationError::UnsupportedResponseType,
    AuthorizationError::UnsupportedResponseMode,
    AuthorizationError::ServerError,
    AuthorizationError::TemporarilyUnavailable,
    AuthorizationError::LoginRequired,
    AuthorizationError::InteractionRequired,
    AuthorizationError::ConsentRequired,
    AuthorizationError::AccountSelectionRequired,
    AuthorizationError::UnmetAuthenticationRequirements,
];

impl AuthorizationError {
    /// Reads the parameters `error` and `error_description`.
    pub fn parse(code: &str, description: Option<&str>) -> Self {
        match (code, description) {
            ("temporarily_unavailable", Some("authentication_expired")) => {
                AuthorizationError::AuthenticationExpired
            }
            _ => CODES
                .into_iter()
                .find(|known| known.code() == code)
                .unwrap_or_else(|| AuthorizationError::Unknown(code.to_owned())),
        }
    }

    /// The parameter `error`, as it was received.
    pub fn code(&self) -> &str {
        match self {
            AuthorizationError::AccessDenied => "access_denied",
            AuthorizationError::InvalidRequest => "invalid_request",
            AuthorizationError::InvalidScope => "invalid_scope",
            AuthorizationError::UnauthorizedClient => "unauthorized_client",
            AuthorizationError::UnsupportedResponseType => "unsupported_response_type",
            AuthorizationError::UnsupportedResponseMode => "unsupported_response_mode",
            AuthorizationError::ServerError => "server_error",
            AuthorizationError::TemporarilyUnavailable
            | AuthorizationError::AuthenticationExpired => "temporarily_unavailable",
            AuthorizationError::LoginRequired => "login_required",
            AuthorizationError::InteractionRequired => "interaction_required",
            AuthorizationError::ConsentRequired => "consent_required",
            AuthorizationError::AccountSelectionRequired => "account_selection_required",
            AuthorizationError::UnmetAuthenticationRequirements => {
                "unmet_authentication_requirements"
            }
            AuthorizationError::Unknown(code) => code,
        }
    }

    /// Whether the provider only has to ask the person something (OpenID Connect Core 3.1.2.6).
    pub fn needs_the_person(&self) -> bool {
        matches!(
            self,
            AuthorizationError::LoginRequired
                | AuthorizationError::InteractionRequired
                | AuthorizationError::ConsentRequired
                | AuthorizationError::AccountSelectionRequired
        )
    }

    /// What an administrator can do about it. The causes are those of Okta's error catalogue.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            AuthorizationError::AccessDenied => Some(
                "cancelled, or: assign the person to the application; give the authorization server an \
                 access policy with a rule for it; check network zones",
            ),
            AuthorizationError::LoginRequired
            | AuthorizationError::InteractionRequired
            | AuthorizationError::ConsentRequired
            | AuthorizationError::AccountSelectionRequired => {
                Some("the application's sign-on policy wants the person")
            }
            AuthorizationError::InvalidScope => Some(
                "OIDC_SCOPES asks for a scope that the authorization server does not have or whose \
                 access policy allows it to nobody",
            ),
            AuthorizationError::InvalidRequest
            | AuthorizationError::UnsupportedResponseType
            | AuthorizationError::UnsupportedResponseMode => Some(
                "check the application's type, Web, and its redirect URI, and OIDC_RESPONSE_MODE",
            ),
            AuthorizationError::UnauthorizedClient => {
                Some("let the application use the authorization code grant")
            }
            AuthorizationError::UnmetAuthenticationRequirements => {
                Some("the person lacks a factor that the policy demands")
            }
            AuthorizationError::ServerError => {
                Some("the provider's fault; Okta also says so for more than 100 groups")
            }
            AuthorizationError::TemporarilyUnavailable
            | AuthorizationError::AuthenticationExpired => {
                Some("the provider's fault, and it will pass")
            }
            AuthorizationError::Unknown(_) => None,
        }
    }
}

impl fmt::Display for AuthorizationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(self.code()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_read_as_it_is_written() {
        for error in CODES {
            assert_eq!(AuthorizationError::parse(error.code(), None), error);
            assert_eq!(AuthorizationError::parse(error.code(), Some("x")), error);
            assert!(error.hint().is_some(), "{error}");
        }
        for other in ["", "Access_Denied", "access_denied ", "<script>"] {
            let error = AuthorizationError::parse(other, None);
            assert_eq!(error, AuthorizationError::Unknown(other.to_owned()));
            assert_eq!(error.code(), other);
            assert_eq!(error.hint(), None);
        }
    }

    #[test]
    fn keycloak_says_in_the_description_that_its_page_expired() {
        let of = |code, description| AuthorizationError::parse(code, description);
        let expired = of("temporarily_unavailable", Some("authentication_expired"));
        assert_eq!(expired, AuthorizationError::AuthenticationExpired);
        assert_eq!(expired.code(), "temporarily_unavailable");
        assert_eq!(
            of("server_error", Some("authentication_expired")),
            AuthorizationError::ServerError
        );
    }

    #[test]
    fn a_code_that_anybody_can_write_breaks_no_line_and_fills_none() {
        let error = AuthorizationError::parse(&"\n".repeat(300), None);
        assert_eq!(error.to_string(), format!("\"{}\"", "\\n".repeat(200)));
    }
}
