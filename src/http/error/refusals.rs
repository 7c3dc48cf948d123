//! THE TABLE of refusals: for each error its status, its message, the audit's reason, the retry before the page is shown,
//! and a hint for the administrator. `docs/refusals.md` shows it row by row.
//!
//! Longer than other files, since it is one table. rustfmt skips it, so that each row stays together.

use actix_web::http::StatusCode;

use crate::accounts::reason::Reason;
use crate::http::error::Error;
use crate::http::pages::messages::{self, Message};
use crate::observe::metrics::Endpoint;
use crate::oidc::{self, AuthorizationError, FetchError, IdTokenError, JwsError, Unmet};
use crate::session::AttemptError;

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
const BAD_GATEWAY: StatusCode = StatusCode::BAD_GATEWAY;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// What the visitor reads.
    pub message: Message,
    /// The reason in the audit and in the metric, if the error ends a sign-in.
    pub reason: Option<Reason>,
    /// The retry of the callback before it shows the page.
    pub retry: Retry,
    /// What an administrator can do, for the log. Empty if there is nothing to do.
    pub hint: &'static str,
}

/// How the callback retries before it shows a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No retry.
    Never,
    /// The response came too late, or to another browser: a new attempt, at most twice.
    NewAttempt,
    /// The browser may not have kept our cookie: the same, and then a check whether another tab has signed in meanwhile.
    NewAttemptThenRecheck,
}

impl Refusal {
    const fn new(
        status: StatusCode,
        message: Message,
        reason: Reason,
        hint: &'static str,
    ) -> Refusal {
        Refusal {
            status,
            message,
            reason: Some(reason),
            retry: Retry::Never,
            hint,
        }
    }

    /// The refusal of an error that ends no sign-in.
    const fn of_page(status: StatusCode, message: Message, hint: &'static str) -> Refusal {
        Refusal {
            status,
            message,
            reason: None,
            retry: Retry::Never,
            hint,
        }
    }

    const fn after(self, retry: Retry) -> Refusal {
        Refusal { retry, ..self }
    }

    /// The row of `error`.
    #[rustfmt::skip]
    pub fn of(error: &Error) -> Refusal {
        match error {
            Error::SignInNeeded { .. } =>
                Refusal::of_page(StatusCode::SEE_OTHER, messages::UNEXPECTED, ""),
            Error::MalformedResponse(_) =>
                Refusal::new(BAD_REQUEST, messages::MALFORMED_RESPONSE, Reason::ResponseMalformed, ""),
            Error::NoCode =>
                Refusal::new(FORBIDDEN, messages::NO_CODE, Reason::NoCode, ""),
            Error::Attempt(cause) => Refusal::of_attempt(cause),
            Error::Authorization { error, .. } => Refusal::of_authorization(error),
            Error::Provider(cause) => Refusal::of_provider(cause),
            Error::Blocked { .. } =>
                Refusal::new(FORBIDDEN, messages::BLOCKED, Reason::Blocked,
                    "`doorward users unblock PERSON` lets them sign in"),
            Error::StepUpSubject =>
                Refusal::new(FORBIDDEN, messages::SOMEBODY_ELSE, Reason::StepUpSubject, ""),
            Error::OtherIssuer(_) =>
                Refusal::of_page(BAD_REQUEST, messages::OTHER_ISSUER, ""),
            Error::CrossSiteSignOut =>
                Refusal::of_page(FORBIDDEN, messages::CROSS_SITE_SIGN_OUT, ""),
            Error::HandoverForged =>
                Refusal::of_page(BAD_REQUEST, messages::HANDOVER_FORGED,
                    "if it happens to everybody: do all processes have the same SESSION_KEY?"),
            Error::TooManyRequests { .. } =>
                Refusal::new(StatusCode::TOO_MANY_REQUESTS, messages::TOO_MANY_ATTEMPTS, Reason::RateLimited,
                    "set TRUSTED_PROXIES if the access log shows one address for everybody; raise RATE_LIMIT for a large office"),
            Error::Database(_) | Error::Session(_) =>
                Refusal::new(UNAVAILABLE, messages::DATABASE, Reason::Database,
                    "check that the database is up, writable and has free connections"),
            Error::SignOut(_) =>
                Refusal::of_page(UNAVAILABLE, messages::SIGN_OUT_NOT_RECORDED,
                    "the person may still be signed in: check that the database takes writes"),
            Error::Internal(_) =>
                Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, messages::UNEXPECTED, Reason::Internal, BUG),
        }
    }

    #[rustfmt::skip]
    fn of_attempt(cause: &AttemptError) -> Refusal {
        const COOKIES: &str = "if it happens to everybody: check that PUBLIC_URL is the address in the browser, and that \
                               the proxy keeps cookies";
        match cause {
            AttemptError::NoState =>
                Refusal::new(FORBIDDEN, messages::NO_STATE, Reason::NoState, ""),
            AttemptError::NotThisBrowser | AttemptError::ResponseReplaced =>
                Refusal::new(FORBIDDEN, messages::NO_COOKIE, Reason::AttemptMissing, COOKIES)
                    .after(Retry::NewAttemptThenRecheck),
            AttemptError::Forged =>
                Refusal::new(FORBIDDEN, messages::NO_COOKIE, Reason::AttemptForged,
                    "check that all processes have the same SESSION_KEY")
                    .after(Retry::NewAttemptThenRecheck),
            AttemptError::Used =>
                Refusal::new(FORBIDDEN, messages::ATTEMPT_USED, Reason::AttemptUsed, "")
                    .after(Retry::NewAttempt),
            AttemptError::EndedByProvider =>
                Refusal::new(FORBIDDEN, messages::SIGNED_OUT_MEANWHILE, Reason::AttemptEnded, "")
                    .after(Retry::NewAttempt),
            AttemptError::Expired { .. } =>
                Refusal::new(FORBIDDEN, messages::ATTEMPT_EXPIRED, Reason::AttemptExpired,
                    "if it happens to everybody: check the clocks of the processes")
                    .after(Retry::NewAttempt),
        }
    }

    /// RFC 6749, 4.1.2.1 and OpenID Connect Core 3.1.2.6. `doorward check` gives the same hints.
    #[rustfmt::skip]
    fn of_authorization(error: &AuthorizationError) -> Refusal {
        use AuthorizationError as Code;
        let hint = error.hint().unwrap_or("look up that code in the provider's manual");
        match error {
            Code::AccessDenied =>
                Refusal::new(FORBIDDEN, messages::NOT_LET_IN, Reason::AccessDenied, hint),
            Code::LoginRequired | Code::InteractionRequired | Code::ConsentRequired | Code::AccountSelectionRequired =>
                Refusal::new(FORBIDDEN, messages::PROVIDER_NEEDS_YOU, Reason::InteractionRequired, hint),
            Code::UnmetAuthenticationRequirements =>
                Refusal::new(FORBIDDEN, messages::FACTOR_MISSING, Reason::FactorMissing, hint),
            Code::InvalidRequest | Code::InvalidScope | Code::UnauthorizedClient | Code::UnsupportedResponseType
            | Code::UnsupportedResponseMode =>
                Refusal::new(FORBIDDEN, messages::PROVIDER_REJECTED, Reason::RequestRefused, hint),
            Code::ServerError =>
                Refusal::new(BAD_GATEWAY, messages::PROVIDER_FAILED, Reason::ProviderFailed, hint),
            Code::TemporarilyUnavailable =>
                Refusal::new(BAD_GATEWAY, messages::PROVIDER_BUSY, Reason::ProviderFailed, hint),
            Code::AuthenticationExpired =>
                Refusal::new(BAD_GATEWAY, messages::PROVIDER_PAGE_EXPIRED, Reason::ProviderFailed, "")
                    .after(Retry::NewAttempt),
            // Anybody can send any code: it goes to the log, but not into a metric.
            Code::Unknown(_) =>
                Refusal::new(FORBIDDEN, messages::PROVIDER_REJECTED, Reason::ProviderRefused, hint),
        }
    }

    #[rustfmt::skip]
    fn of_provider(error: &oidc::Error) -> Refusal {
        const STANDARD: &str = "the provider does not follow the standard, or a proxy changes its responses";
        match error {
            oidc::Error::Fetch { endpoint, cause } => Refusal::of_fetch(error, *endpoint, cause),
            oidc::Error::Discovery(_) =>
                Refusal::new(BAD_GATEWAY, messages::NOT_SET_UP, Reason::DiscoveryRefused,
                    "compare OIDC_ISSUER with the provider's issuer: run `doorward check`"),
            oidc::Error::Keys(_) =>
                Refusal::new(BAD_GATEWAY, messages::UNUSABLE_RESPONSE, Reason::KeysRefused,
                    "run `doorward check`: it names each key that can't be used"),
            oidc::Error::ResponseIssuer(_) =>
                Refusal::new(FORBIDDEN, messages::NOT_VERIFIED, Reason::ResponseIssuer,
                    "a response from another provider: an attack, or OIDC_ISSUER is not this provider's"),
            oidc::Error::CodeRefused(_) =>
                Refusal::new(FORBIDDEN, messages::CODE_REJECTED, Reason::CodeRefused, "")
                    .after(Retry::NewAttempt),
            oidc::Error::TokenRefused { .. } if error.is_misconfiguration() =>
                Refusal::new(BAD_GATEWAY, messages::NOT_SET_UP, Reason::ClientRefused,
                    "check OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and the application's client authentication"),
            oidc::Error::TokenRefused { .. } =>
                Refusal::new(BAD_GATEWAY, messages::UNUSABLE_RESPONSE, Reason::ClientRefused, PROVIDERS_FAULT),
            oidc::Error::AccessTokenRefused { .. } =>
                Refusal::new(BAD_GATEWAY, messages::UNUSABLE_RESPONSE, Reason::ProviderStatus, PROVIDERS_FAULT),
            oidc::Error::TokenResponse(_) =>
                Refusal::new(BAD_GATEWAY, messages::UNUSABLE_RESPONSE, Reason::TokenResponse, STANDARD),
            oidc::Error::TokenType(_) =>
                Refusal::new(FORBIDDEN, messages::TOKEN_TYPE, Reason::TokenType, STANDARD),
            oidc::Error::IdToken(cause) => Refusal::of_id_token(cause),
            oidc::Error::Userinfo(_) =>
                Refusal::new(BAD_GATEWAY, messages::UNUSABLE_RESPONSE, Reason::UserinfoRefused, STANDARD),
            oidc::Error::UserinfoSubject =>
                Refusal::new(FORBIDDEN, messages::NOT_VERIFIED, Reason::UserinfoSubject, STANDARD),
        }
    }

    /// The message depends on when the request failed: before or after the person signed in at the provider.
    #[rustfmt::skip]
    fn of_fetch(error: &oidc::Error, endpoint: Endpoint, cause: &FetchError) -> Refusal {
        let message = match endpoint {
            _ if error.is_misconfiguration() => messages::NOT_SET_UP,
            Endpoint::Discovery | Endpoint::Keys => messages::PROVIDER_UNREACHABLE,
            _ => messages::UNUSABLE_RESPONSE,
        };
        match cause {
            FetchError::Connection(_) =>
                Refusal::new(BAD_GATEWAY, message, Reason::ProviderUnreachable,
                    "check DNS, the firewall (443 to the issuer) and HTTPS_PROXY"),
            FetchError::Certificate(_) =>
                Refusal::new(BAD_GATEWAY, message, Reason::ProviderUnreachable,
                    "set OIDC_CA_FILE if a private authority signs it; `doorward check` explains the certificate"),
            FetchError::Timeout =>
                Refusal::new(BAD_GATEWAY, message, Reason::ProviderTimeout,
                    "the provider or the network to it is slow: see doorward_provider_request_duration_seconds"),
            FetchError::NoFreeConnection =>
                Refusal::new(BAD_GATEWAY, message, Reason::ProviderTimeout,
                    "the provider is slow, and too many people sign in at once: run more processes"),
            FetchError::Body(_) =>
                Refusal::new(BAD_GATEWAY, message, Reason::ProviderUnreadable, PROVIDERS_FAULT),
            FetchError::Status { .. } if error.is_busy() =>
                Refusal::new(BAD_GATEWAY, messages::PROVIDER_BUSY, Reason::ProviderBusy,
                    "the provider limits our requests: find out who sends so many, or ask it for a higher limit"),
            FetchError::Status { .. } if error.is_misconfiguration() =>
                Refusal::new(BAD_GATEWAY, message, Reason::ProviderStatus,
                    "run `doorward check`: OIDC_ISSUER or the client's settings are wrong"),
            FetchError::Status { .. } =>
                Refusal::new(BAD_GATEWAY, message, Reason::ProviderStatus, PROVIDERS_FAULT),
        }
    }

    #[rustfmt::skip]
    fn of_id_token(error: &IdTokenError) -> Refusal {
        const CLOCKS: &str = "check both clocks";
        const ATTACK: &str = "several of these may be an attack";
        let row = |reason, hint| Refusal::new(FORBIDDEN, messages::NOT_VERIFIED, reason, hint);
        match error {
            IdTokenError::Jws(cause) => match cause {
                JwsError::Malformed(_) | JwsError::Header(_) | JwsError::Critical | JwsError::Type { .. } =>
                    row(Reason::IdTokenMalformed, "the provider does not follow the standard"),
                JwsError::Algorithm { .. } | JwsError::UnsupportedAlgorithm(_) =>
                    row(Reason::IdTokenAlgorithm,
                        "compare with OIDC_ID_TOKEN_ALGS, or else discovery's id_token_signing_alg_values_supported"),
                JwsError::UnknownKey(_) | JwsError::UnusableKey { .. } | JwsError::NoKey(_) | JwsError::AmbiguousKey =>
                    row(Reason::IdTokenKey, "passes by itself after a key rotation; else run `doorward check`"),
                JwsError::Signature { .. } => row(Reason::IdTokenSignature, ATTACK),
            },
            IdTokenError::Payload(_) | IdTokenError::Claim(_) =>
                row(Reason::IdTokenMalformed, "the provider does not follow the standard"),
            IdTokenError::Issuer(_) =>
                row(Reason::IdTokenIssuer, "set OIDC_ISSUER to exactly the provider's `iss`"),
            IdTokenError::Audience | IdTokenError::AuthorizedParty | IdTokenError::NoAuthorizedParty =>
                row(Reason::IdTokenAudience, "check OIDC_CLIENT_ID"),
            IdTokenError::Expired => row(Reason::IdTokenExpired, CLOCKS),
            IdTokenError::NotYetValid => row(Reason::IdTokenNotYetValid, CLOCKS),
            IdTokenError::Nonce | IdTokenError::NoNonce | IdTokenError::Events => row(Reason::IdTokenNonce, ATTACK),
            IdTokenError::AccessTokenHash => row(Reason::IdTokenAccessToken, ATTACK),
            IdTokenError::Subject =>
                row(Reason::IdTokenSubject, "the provider does not follow the standard"),
            IdTokenError::SessionOver =>
                Refusal::new(FORBIDDEN, messages::SESSION_OVER, Reason::SessionOver,
                    "the provider must send session_expiry as the end of a session that goes on; check both clocks"),
            IdTokenError::Authentication(Unmet::Acr { .. }) =>
                Refusal::new(FORBIDDEN, messages::STRONGER_SIGN_IN, Reason::Acr,
                    "does the provider know this acr, and does the person have such a factor? See docs/operations.md"),
            IdTokenError::Authentication(_) =>
                Refusal::new(FORBIDDEN, messages::STRONGER_SIGN_IN, Reason::AuthTime,
                    "the provider must obey max_age and send auth_time in seconds; check both clocks"),
        }
    }

    /// The row of a status that the framework or a layer responds with.
    pub fn of_status(status: StatusCode) -> Refusal {
        let message = match status {
            StatusCode::NOT_FOUND => messages::NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED => messages::METHOD_NOT_ALLOWED,
            StatusCode::REQUEST_TIMEOUT => messages::REQUEST_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE => messages::PAYLOAD_TOO_LARGE,
            StatusCode::URI_TOO_LONG => messages::URI_TOO_LONG,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => messages::HEADERS_TOO_LARGE,
            _ if status.is_server_error() => messages::UNEXPECTED,
            _ => messages::BAD_REQUEST,
        };
        let hint = match status.is_server_error() {
            true => BUG,
            false => "",
        };
        Refusal::of_page(status, message, hint)
    }
}

const BUG: &str = "report this log line as a bug";
const PROVIDERS_FAULT: &str = "the provider's fault: see its status page, or ask its operator";

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
