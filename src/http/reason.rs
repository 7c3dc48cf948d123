//! The [`Reason`] of each error.

use crate::accounts::reason::Reason;
use crate::http::error::Error;
use crate::oidc::{self, AuthorizationError, FetchError, IdTokenError, JwsError};
use crate::session::AttemptError;

/// The reason of `error`.
pub fn of(error: &Error) -> Reason {
    match error {
        Error::MalformedResponse(_) => Reason::ResponseMalformed,
        Error::NoCode => Reason::NoCode,
        Error::Attempt(AttemptError::NoState) => Reason::NoState,
        Error::Attempt(AttemptError::NotThisBrowser | AttemptError::ResponseReplaced) => {
            Reason::AttemptMissing
        }
        Error::Attempt(AttemptError::Forged) => Reason::AttemptForged,
        Error::Attempt(AttemptError::Used) => Reason::AttemptUsed,
        Error::Attempt(AttemptError::Expired { .. }) => Reason::AttemptExpired,
        Error::Authorization { error, .. } => of_authorization(error),
        Error::Provider(cause) => of_provider(cause),
        Error::Blocked { .. } => Reason::Blocked,
        Error::TooManyRequests { .. } => Reason::RateLimited,
        Error::Database(_) | Error::Session(_) => Reason::Database,
        // The first two are no sign-ins that failed.
        Error::SignInNeeded { .. } | Error::CrossSiteSignOut | Error::Internal(_) => {
            Reason::Internal
        }
    }
}

/// RFC 6749, 4.1.2.1 and OpenID Connect Core 3.1.2.6.
fn of_authorization(error: &AuthorizationError) -> Reason {
    match error {
        AuthorizationError::AccessDenied => Reason::AccessDenied,
        AuthorizationError::LoginRequired
        | AuthorizationError::InteractionRequired
        | AuthorizationError::ConsentRequired
        | AuthorizationError::AccountSelectionRequired => Reason::InteractionRequired,
        AuthorizationError::UnmetAuthenticationRequirements => Reason::FactorMissing,
        AuthorizationError::InvalidRequest
        | AuthorizationError::InvalidScope
        | AuthorizationError::UnauthorizedClient
        | AuthorizationError::UnsupportedResponseType
        | AuthorizationError::UnsupportedResponseMode => Reason::RequestRefused,
        AuthorizationError::ServerError
        | AuthorizationError::TemporarilyUnavailable
        | AuthorizationError::AuthenticationExpired => Reason::ProviderFailed,
        // Anybody can write this: the word itself is in the log.
        AuthorizationError::Unknown(_) => Reason::ProviderRefused,
    }
}

fn of_provider(error: &oidc::Error) -> Reason {
    match error {
        busy if busy.is_busy() => Reason::ProviderBusy,
        oidc::Error::Fetch { cause, .. } => match cause {
            FetchError::Connection(_) | FetchError::Certificate(_) => Reason::ProviderUnreachable,
            FetchError::Timeout => Reason::ProviderTimeout,
            FetchError::Body(_) => Reason::ProviderUnreadable,
            FetchError::Status { .. } => Reason::ProviderStatus,
        },
        oidc::Error::Discovery(_) => Reason::DiscoveryRefused,
        oidc::Error::Keys(_) => Reason::KeysRefused,
        oidc::Error::ResponseIssuer(_) => Reason::ResponseIssuer,
        oidc::Error::CodeRefused(_) => Reason::CodeRefused,
        oidc::Error::TokenRefused { .. } => Reason::ClientRefused,
        oidc::Error::AccessTokenRefused { .. } => Reason::ProviderStatus,
        oidc::Error::TokenResponse(_) => Reason::TokenResponse,
        oidc::Error::TokenType(_) => Reason::TokenType,
        oidc::Error::IdToken(cause) => of_id_token(cause),
        oidc::Error::Userinfo(_) => Reason::UserinfoRefused,
        oidc::Error::UserinfoSubject => Reason::UserinfoSubject,
    }
}

fn of_id_token(error: &IdTokenError) -> Reason {
    match error {
        IdTokenError::Jws(cause) => match cause {
            JwsError::Malformed(_)
            | JwsError::Header(_)
            | JwsError::Critical
            | JwsError::Type { .. } => Reason::IdTokenMalformed,
            JwsError::Algorithm { .. } | JwsError::UnsupportedAlgorithm(_) => {
                Reason::IdTokenAlgorithm
            }
            JwsError::UnknownKey(_)
            | JwsError::UnusableKey { .. }
            | JwsError::NoKey(_)
            | JwsError::AmbiguousKey => Reason::IdTokenKey,
            JwsError::Signature { .. } => Reason::IdTokenSignature,
        },
        IdTokenError::Payload(_) | IdTokenError::Claim(_) => Reason::IdTokenMalformed,
        IdTokenError::Issuer(_) => Reason::IdTokenIssuer,
        IdTokenError::Audience
        | IdTokenError::AuthorizedParty
        | IdTokenError::NoAuthorizedParty => Reason::IdTokenAudience,
        IdTokenError::Expired => Reason::IdTokenExpired,
        IdTokenError::NotYetValid => Reason::IdTokenNotYetValid,
        IdTokenError::Nonce | IdTokenError::NoNonce => Reason::IdTokenNonce,
        IdTokenError::AccessTokenHash => Reason::IdTokenAccessToken,
        IdTokenError::Subject => Reason::IdTokenSubject,
    }
}
