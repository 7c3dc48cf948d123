//! What went wrong at the edge, and its line in the log. `refusals.rs` says how each error is answered.

pub mod refusals;

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

use crate::accounts::audit::Stage;
use crate::observe::logging::cut;
use crate::oidc::AuthorizationError;
use crate::session::{AttemptError, SignInError};
use crate::{db, oidc};
use refusals::Refusal;

/// Every way in which a request can fail.
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
    Attempt(AttemptError),
    /// The provider sent the person back with an error (RFC 6749, 4.1.2.1).
    Authorization {
        /// `error`.
        error: AuthorizationError,
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
    /// The database is not available.
    Database(db::Error),
    /// The session could not be loaded or stored, which is the database's fault too.
    Session(String),
    /// A bug of ours.
    Internal(String),
}

/// An error that ended a sign-in, and how far the sign-in got.
#[derive(Debug)]
pub struct Refused {
    /// What went wrong.
    pub error: Error,
    /// How far the sign-in got.
    pub stage: Stage,
}

impl Error {
    /// The refusal of a sign-in that got as far as `stage`.
    pub fn at(self, stage: Stage) -> Refused {
        Refused { error: self, stage }
    }

    /// An error of a library that our own use of it rules out.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Error::Internal(cause.to_string())
    }

    /// In how many seconds a retry makes sense, if that is known.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Error::Provider(cause) => cause.retry_after_secs(),
            Error::TooManyRequests { retry_after_secs } => Some(*retry_after_secs),
            _ => None,
        }
    }
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
            Error::Attempt(cause) => write!(f, "no attempt to sign in: {cause}"),
            Error::Authorization { error, description } => {
                // Anybody can write this: cut, and Debug escapes what would break the line.
                let description = cut(description.as_deref().unwrap_or_default(), 500);
                write!(f, "the provider responded with {error}: {description:?}")
            }
            Error::Provider(cause) => cause.fmt(f),
            Error::Blocked { user_id } => write!(f, "the person {user_id} is blocked"),
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
        Refusal::of(self).status
    }

    /// The bare answer; the middleware of `front` makes it a page.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(Refusal::of(self).status);
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

impl From<AttemptError> for Error {
    fn from(cause: AttemptError) -> Self {
        Error::Attempt(cause)
    }
}

impl From<SignInError> for Error {
    fn from(cause: SignInError) -> Self {
        match cause {
            SignInError::Blocked { user_id } => Error::Blocked { user_id },
            SignInError::Attempt(cause) => Error::Attempt(cause),
            SignInError::Database(cause) => Error::Database(cause),
            SignInError::Carrier(cause) => Error::internal(cause),
        }
    }
}

impl From<db::Error> for Error {
    fn from(cause: db::Error) -> Self {
        Error::Database(cause)
    }
}
