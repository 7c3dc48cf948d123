//! What went wrong, in two texts: a page for the visitor, a line for the log.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

use crate::session::NoLogin;
use crate::{db, oidc};

/// Every way in which a request can end without what was asked for.
#[derive(Debug)]
pub enum Error {
    /// The page is for signed-in people.
    SignInNeeded {
        /// Where to sign in and come back from.
        login: String,
    },
    /// The callback came with a parameter twice, or with far too much.
    MalformedResponse(oidc::MalformedResponse),
    /// The callback came without a code.
    NoCode,
    /// The callback belongs to no attempt of this browser.
    NoLogin(NoLogin),
    /// The provider sent the person back with an error (RFC 6749, 4.1.2.1).
    ProviderSaid {
        /// `error`.
        code: String,
        /// `error_description`.
        description: Option<String>,
    },
    /// The provider's side of the sign-in is wrong.
    Provider(oidc::Error),
    /// Somebody signed in at the provider who is blocked here.
    Blocked {
        /// Who: our id.
        user_id: String,
    },
    /// Another site tried to sign the person out.
    CrossSiteSignOut,
    /// The address has used up its `RATE_LIMIT`.
    TooManyRequests {
        /// When there is some of it again.
        retry_after_secs: u64,
    },
    /// The database is away.
    Database(db::Error),
    /// The session could not be loaded or stored, which is the database's fault too.
    Session(String),
    /// Ours, and not to be expected.
    Internal(String),
}

impl Error {
    /// An error of a library that our own use of it rules out.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Error::Internal(cause.to_string())
    }

    /// Whether the answer is only too late, or not this browser's: worth a fresh attempt.
    pub fn is_stale(&self) -> bool {
        match self {
            Error::NoLogin(cause) => *cause != NoLogin::NoState,
            Error::Provider(cause) => matches!(cause, oidc::Error::CodeRefused(_)),
            Error::ProviderSaid { code, description } => {
                is_of_a_page_that_stood_open(code, description.as_deref())
            }
            _ => false,
        }
    }

    /// Whether the browser may not have kept our cookies.
    pub fn is_about_cookies(&self) -> bool {
        matches!(
            self,
            Error::NoLogin(NoLogin::NotThisBrowser | NoLogin::Forged | NoLogin::AnswerReplaced)
        )
    }

    /// When it is worth to try again, in seconds, if the provider said so.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Error::Provider(cause) => cause.retry_after_secs(),
            Error::TooManyRequests { retry_after_secs } => Some(*retry_after_secs),
            _ => None,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Error::SignInNeeded { .. } => StatusCode::SEE_OTHER,
            Error::MalformedResponse(_) => StatusCode::BAD_REQUEST,
            Error::ProviderSaid { code, .. } if provider_is_at_fault(code) => {
                StatusCode::BAD_GATEWAY
            }
            Error::NoCode
            | Error::NoLogin(_)
            | Error::ProviderSaid { .. }
            | Error::Blocked { .. }
            | Error::CrossSiteSignOut => StatusCode::FORBIDDEN,
            Error::Provider(cause) => match cause {
                oidc::Error::CodeRefused(_)
                | oidc::Error::ResponseIssuer(_)
                | oidc::Error::TokenType(_)
                | oidc::Error::IdToken(_)
                | oidc::Error::UserinfoSubject => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_GATEWAY,
            },
            Error::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::Database(_) | Error::Session(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// What Keycloak says when its sign-in page stood open for too long: it is of that attempt alone, and the next one will
/// do.
pub fn is_of_a_page_that_stood_open(code: &str, description: Option<&str>) -> bool {
    code == "temporarily_unavailable" && description == Some("authentication_expired")
}

/// RFC 6749, 4.1.2.1: these say that the provider could not, the others that it would not.
fn provider_is_at_fault(code: &str) -> bool {
    matches!(code, "server_error" | "temporarily_unavailable")
}

/// For the log: what an administrator can do about it. The causes are those of Okta's catalogue.
pub fn admin_hint(code: &str) -> &'static str {
    match code {
        "access_denied" => {
            " (cancelled, or: assign the person to the application; give the authorization server an \
             access policy with a rule for it; check network zones)"
        }
        "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => " (the application's sign-on policy wants the person)",
        "invalid_scope" => {
            " (OIDC_SCOPES asks for a scope that the authorization server does not have or whose \
             access policy allows it to nobody)"
        }
        "invalid_request" | "unsupported_response_type" | "unsupported_response_mode" => {
            " (check the application's type, Web, and its redirect URI, and OIDC_RESPONSE_MODE)"
        }
        "unauthorized_client" => " (let the application use the authorization code grant)",
        "unmet_authentication_requirements" => {
            " (the person lacks a factor that the policy demands)"
        }
        "server_error" => " (the provider's fault; Okta also says so for more than 100 groups)",
        "temporarily_unavailable" => " (the provider's fault, and it will pass)",
        _ => "",
    }
}

/// The beginning of `text`, `limit` characters at most.
pub fn cut(text: &str, limit: usize) -> &str {
    let end = text
        .char_indices()
        .nth(limit)
        .map_or(text.len(), |(end, _)| end);
    &text[..end]
}

/// For the log: what was expected and what came, never a secret, a code or a token.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::SignInNeeded { .. } => f.write_str("sign-in needed"),
            Error::MalformedResponse(oidc::MalformedResponse::Twice(name)) => {
                write!(f, "the authorization response has {name} twice")
            }
            Error::NoCode => f.write_str("the authorization response has no code"),
            Error::NoLogin(cause) => write!(f, "no attempt to sign in: {cause}"),
            // Anybody can write these: cut, and Debug escapes what would break the line.
            Error::ProviderSaid { code, description } => write!(
                f,
                "the provider answered {:?}: {:?}{}",
                cut(code, 64),
                cut(description.as_deref().unwrap_or_default(), 500),
                admin_hint(code)
            ),
            Error::Provider(cause) => cause.fmt(f),
            Error::Blocked { user_id } => write!(
                f,
                "the person {user_id} is blocked (`doorward users unblock {user_id}` lets them in)"
            ),
            Error::CrossSiteSignOut => f.write_str("another site tried to sign the person out"),
            Error::TooManyRequests { .. } => f.write_str("the address has used up its RATE_LIMIT"),
            Error::Database(cause) => cause.fmt(f),
            Error::Session(cause) => write!(f, "the session can't be loaded or stored: {cause}"),
            Error::Internal(cause) => f.write_str(cause),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// The bare answer; the middleware of `front` makes it a page.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        if let Error::SignInNeeded { login } = self {
            response.insert_header((header::LOCATION, login.as_str()));
        }
        response.finish()
    }
}

impl From<oidc::Error> for Error {
    fn from(cause: oidc::Error) -> Self {
        Error::Provider(cause)
    }
}

impl From<oidc::MalformedResponse> for Error {
    fn from(cause: oidc::MalformedResponse) -> Self {
        Error::MalformedResponse(cause)
    }
}

impl From<NoLogin> for Error {
    fn from(cause: NoLogin) -> Self {
        Error::NoLogin(cause)
    }
}

impl From<db::Error> for Error {
    fn from(cause: db::Error) -> Self {
        Error::Database(cause)
    }
}
