//! The errors of requests, and their lines in the log. `refusals.rs` has the response to each.

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
        /// The address of `/login`, with the page to return to.
        login: String,
    },
    /// The authorization response has a parameter twice.
    MalformedResponse(oidc::MalformedResponse),
    /// The authorization response has no code.
    NoCode,
    /// The authorization response belongs to no attempt of this browser.
    Attempt(AttemptError),
    /// The authorization response has an error (RFC 6749, 4.1.2.1).
    Authorization {
        /// `error`.
        error: AuthorizationError,
        /// `error_description`.
        description: Option<String>,
    },
    /// A request to the provider failed, or its response was rejected.
    Provider(oidc::Error),
    /// The person is blocked here.
    Blocked {
        /// The person's id.
        user_id: String,
    },
    /// A step-up was of another person than the one who is signed in here.
    StepUpSubject,
    /// A third party wants a sign-in at this issuer, which is not ours.
    OtherIssuer(String),
    /// Another site tried to sign the person out.
    CrossSiteSignOut,
    /// A handover to an app, or the reason for a refusal, was not sealed by us.
    HandoverForged,
    /// The address has used up its `RATE_LIMIT`.
    TooManyRequests {
        /// The seconds until it has some again.
        retry_after_secs: u64,
    },
    /// The database is not available.
    Database(db::Error),
    /// The database did not record a sign-out.
    SignOut(db::Error),
    /// The session could not be loaded or stored, because of the database.
    Session(String),
    /// A bug.
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

    /// An error of a library that can't happen in the way we use it.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Error::Internal(cause.to_string())
    }

    /// The seconds after which a retry makes sense, if they are known.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Error::Provider(cause) => cause.retry_after_secs(),
            Error::TooManyRequests { retry_after_secs } => Some(*retry_after_secs),
            _ => None,
        }
    }
}

/// For the log: what was expected and what was found. Never a secret, a code or a token.
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
                // Anybody can send this text: it is cut, and Debug escapes what would break the line.
                let description = cut(description.as_deref().unwrap_or_default(), 500);
                write!(f, "the provider responded with {error}: {description:?}")
            }
            Error::Provider(cause) => cause.fmt(f),
            Error::Blocked { user_id } => write!(f, "the person {user_id} is blocked"),
            Error::StepUpSubject => {
                f.write_str("the step-up is of another person than the session of this browser")
            }
            // Anybody can send this text: it is cut already, and Debug escapes what would break the line.
            Error::OtherIssuer(iss) => write!(
                f,
                "a third party wants a sign-in at {iss:?}, which is not OIDC_ISSUER"
            ),
            Error::CrossSiteSignOut => f.write_str("another site tried to sign the person out"),
            Error::HandoverForged => {
                f.write_str("the query of /handover or /refused was not sealed by us")
            }
            Error::TooManyRequests { .. } => f.write_str("the address has used up its RATE_LIMIT"),
            Error::Database(cause) => cause.fmt(f),
            Error::SignOut(cause) => write!(f, "a sign-out was not recorded: {cause}"),
            Error::Session(cause) => write!(f, "the session can't be loaded or stored: {cause}"),
            Error::Internal(cause) => f.write_str(cause),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        Refusal::of(self).status
    }

    /// The response without a body. `middleware/error_pages.rs` adds that.
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
            SignInError::SomebodyElse => Error::StepUpSubject,
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
