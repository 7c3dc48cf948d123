//! Why somebody did not get in, in one word: for audit events and for the metric. Dashboards and
//! alerts are written in these words, so they do not change.

use crate::http::error::Error;
use crate::oidc::{self, FetchError, IdTokenError, JwsError};
use crate::session::NoLogin;

/// All of them.
pub const ALL: [&str; 42] = [
    "response_malformed",
    "no_code",
    "no_state",
    "attempt_missing",
    "attempt_forged",
    "attempt_used",
    "attempt_expired",
    "access_denied",
    "interaction_required",
    "factor_missing",
    "request_refused",
    "provider_failed",
    "provider_refused",
    "provider_unreachable",
    "provider_timeout",
    "provider_busy",
    "provider_status",
    "provider_unreadable",
    "discovery_refused",
    "keys_refused",
    "response_issuer",
    "code_refused",
    "client_refused",
    "token_response",
    "token_type",
    "id_token_malformed",
    "id_token_algorithm",
    "id_token_key",
    "id_token_signature",
    "id_token_issuer",
    "id_token_audience",
    "id_token_expired",
    "id_token_not_yet_valid",
    "id_token_nonce",
    "id_token_access_token",
    "id_token_subject",
    "userinfo_refused",
    "userinfo_subject",
    "blocked",
    "rate_limited",
    "database",
    "internal",
];

/// The word for `error`.
pub fn of(error: &Error) -> &'static str {
    match error {
        Error::MalformedResponse(_) => "response_malformed",
        Error::NoCode => "no_code",
        Error::NoLogin(NoLogin::NoState) => "no_state",
        Error::NoLogin(NoLogin::NotThisBrowser | NoLogin::AnswerReplaced) => "attempt_missing",
        Error::NoLogin(NoLogin::Forged) => "attempt_forged",
        Error::NoLogin(NoLogin::Used) => "attempt_used",
        Error::NoLogin(NoLogin::Expired { .. }) => "attempt_expired",
        Error::ProviderSaid { code, .. } => of_code(code),
        Error::Provider(cause) => of_provider(cause),
        Error::Blocked { .. } => "blocked",
        Error::TooManyRequests { .. } => "rate_limited",
        Error::Database(_) | Error::Session(_) => "database",
        // The first two are no sign-ins that failed.
        Error::SignInNeeded { .. } | Error::CrossSiteSignOut | Error::Internal(_) => "internal",
    }
}

/// RFC 6749, 4.1.2.1 and OpenID Connect Core 3.1.2.6.
fn of_code(code: &str) -> &'static str {
    match code {
        "access_denied" => "access_denied",
        "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => "interaction_required",
        "unmet_authentication_requirements" => "factor_missing",
        "invalid_request"
        | "invalid_scope"
        | "unauthorized_client"
        | "unsupported_response_type"
        | "unsupported_response_mode" => "request_refused",
        "server_error" | "temporarily_unavailable" => "provider_failed",
        // Anybody can write this: the word itself is in the log.
        _ => "provider_refused",
    }
}

fn of_provider(error: &oidc::Error) -> &'static str {
    match error {
        busy if busy.is_busy() => "provider_busy",
        oidc::Error::Fetch { cause, .. } => match cause {
            FetchError::Connection(_) | FetchError::Certificate(_) => "provider_unreachable",
            FetchError::Timeout => "provider_timeout",
            FetchError::Body(_) => "provider_unreadable",
            FetchError::Status { .. } => "provider_status",
        },
        oidc::Error::Discovery(_) => "discovery_refused",
        oidc::Error::Keys(_) => "keys_refused",
        oidc::Error::ResponseIssuer(_) => "response_issuer",
        oidc::Error::CodeRefused(_) => "code_refused",
        oidc::Error::TokenRefused { .. } => "client_refused",
        oidc::Error::AccessTokenRefused { .. } => "provider_status",
        oidc::Error::TokenResponse(_) => "token_response",
        oidc::Error::TokenType(_) => "token_type",
        oidc::Error::IdToken(cause) => of_id_token(cause),
        oidc::Error::Userinfo(_) => "userinfo_refused",
        oidc::Error::UserinfoSubject => "userinfo_subject",
    }
}

fn of_id_token(error: &IdTokenError) -> &'static str {
    match error {
        IdTokenError::Jws(cause) => match cause {
            JwsError::Malformed(_)
            | JwsError::Member(_)
            | JwsError::Critical
            | JwsError::Type(_) => "id_token_malformed",
            JwsError::Algorithm { .. } | JwsError::UnsupportedAlgorithm(_) => "id_token_algorithm",
            JwsError::UnknownKey(_)
            | JwsError::UnusableKey { .. }
            | JwsError::NoKey(_)
            | JwsError::AmbiguousKey => "id_token_key",
            JwsError::Signature { .. } => "id_token_signature",
        },
        IdTokenError::Issuer(_) => "id_token_issuer",
        IdTokenError::Audience
        | IdTokenError::AuthorizedParty
        | IdTokenError::NoAuthorizedParty => "id_token_audience",
        IdTokenError::Expired => "id_token_expired",
        IdTokenError::NotYetValid => "id_token_not_yet_valid",
        IdTokenError::Nonce | IdTokenError::NoNonce => "id_token_nonce",
        IdTokenError::AccessTokenHash => "id_token_access_token",
        IdTokenError::Subject => "id_token_subject",
    }
}

#[cfg(test)]
mod tests {
    use crate::http::reason::ALL;

    /// The words that the table above can answer, read from it: a dashboard starts with all of
    /// them at zero.
    #[test]
    fn the_list_is_the_table() {
        let source = include_str!("reason.rs");
        let (_, table) = source.split_once("pub fn of(").unwrap();
        let (table, _) = table.split_once("#[cfg(test)]").unwrap();
        let mut words: Vec<&str> = table
            .split("=> \"")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once('"')?.0))
            .collect();
        words.sort_unstable();
        words.dedup();
        let mut all = ALL.to_vec();
        all.sort_unstable();
        assert_eq!(words, all);
    }
}
