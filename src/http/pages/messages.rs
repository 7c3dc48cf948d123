//! What the visitor reads when something went wrong: plain words, a way on, and never anything that came
//! from a provider or a database.

use actix_web::http::StatusCode;

use crate::http::error::Error;
use crate::observe::metrics::Endpoint;
use crate::oidc::{self, AuthorizationError};
use crate::session::AttemptError;

/// What the visitor reads.
pub struct Words {
    /// The heading.
    pub title: &'static str,
    /// What happened.
    pub sentence: &'static str,
    /// What to do next.
    pub next: &'static str,
    /// The way on.
    pub way_on: WayOn,
}

/// Where the page's button leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOn {
    /// A fresh attempt to sign in.
    SignInAgain,
    /// The home page.
    Home,
}

/// What the visitor reads. Never anything that came from a provider or a database.
pub fn of(error: &Error) -> Words {
    match error {
        Error::MalformedResponse(_) => sign_in_again(
            "That answer made no sense",
            "The answer that came back from the sign-in page is malformed.",
        ),
        Error::NoCode => sign_in_again(
            "Sign-in did not finish",
            "The code was not returned or is not accessible",
        ),
        Error::Attempt(AttemptError::NoState) => sign_in_again(
            "Sign-in did not finish",
            "The answer does not say which sign-in it belongs to.",
        ),
        Error::Attempt(AttemptError::Used) => Words {
            title: "This sign-in was used already",
            sentence: "Each sign-in at your provider lets you in once.",
            next: "Please sign in again.",
            way_on: WayOn::SignInAgain,
        },
        Error::Attempt(AttemptError::Expired { .. }) => sign_in_again(
            "That took a little long",
            "You have ten minutes to sign in, and they have passed.",
        ),
        Error::Attempt(_) => Words {
            title: "This sign-in can't be finished here",
            sentence: "We tried again, and your browser still does not remember that it began.",
            next: "Allow cookies for this site, check that your clock is right, and do not \
                       sign in from a bookmark of this page. Then sign in again.",
            way_on: WayOn::SignInAgain,
        },
        Error::Authorization { error, .. } => authorization_error(error),
        Error::Provider(cause) => provider_failed(cause),
        Error::Blocked { .. } => Words {
            title: "You may not sign in",
            sentence: "Your account has been blocked here, so you are not signed in.",
            next: "If you think that this is a mistake, tell your administrator the reference.",
            way_on: WayOn::Home,
        },
        Error::CrossSiteSignOut => Words {
            title: "You are still signed in",
            sentence: "Another site tried to sign you out.",
            next: "If you do want to leave, use the sign-out button here.",
            way_on: WayOn::Home,
        },
        Error::TooManyRequests { .. } => Words {
            title: "That was a little too often",
            sentence: "Too many sign-ins come from your network just now.",
            next: "Try again in a minute.",
            way_on: WayOn::SignInAgain,
        },
        Error::Database(_) | Error::Session(_) => Words {
            title: "We can't get to our records",
            sentence: "Our database does not answer just now, so nothing could be looked up.",
            next: "Try again in a minute.",
            way_on: WayOn::Home,
        },
        Error::SignInNeeded { .. } | Error::Internal(_) => unexpected(),
    }
}

/// The words for a fault of ours.
pub fn unexpected() -> Words {
    Words {
        title: "Something went wrong",
        sentence: "This is our fault, not yours.",
        next: "Try again. If it happens again, tell us the reference.",
        way_on: WayOn::Home,
    }
}

/// For what the framework answers by itself.
pub fn of_status(status: StatusCode) -> Words {
    let (title, sentence, next) = match status {
        StatusCode::NOT_FOUND => (
            "There is no such page",
            "Nothing is at this address.",
            "Check the address, or begin at the home page.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            "That can't be done here",
            "This address does not answer that kind of request.",
            "Begin at the home page.",
        ),
        StatusCode::REQUEST_TIMEOUT => (
            "That took too long",
            "Your browser did not finish what it was sending.",
            "Try again, perhaps from a better connection.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            "That is too much",
            "Your browser sent more than this address reads.",
            "Begin at the home page.",
        ),
        StatusCode::URI_TOO_LONG => (
            "That address is too long",
            "No page of ours has such a long address.",
            "Check the address, or begin at the home page.",
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            "That request is too large",
            "Your browser sent more with its request than we read: most often, too many cookies.",
            "Try again. If it happens again, delete the cookies of this site and of those beside it.",
        ),
        _ => (
            "That request made no sense",
            "Your browser sent something that we can't read.",
            "Begin at the home page.",
        ),
    };
    Words {
        title,
        sentence,
        next,
        way_on: WayOn::Home,
    }
}

fn sign_in_again(title: &'static str, sentence: &'static str) -> Words {
    let next = "Nothing has happened. Please sign in again.";
    Words {
        title,
        sentence,
        next,
        way_on: WayOn::SignInAgain,
    }
}

/// RFC 6749, 4.1.2.1 and OpenID Connect Core 3.1.2.6, each in plain words.
fn authorization_error(error: &AuthorizationError) -> Words {
    match error {
        AuthorizationError::AccessDenied => Words {
            title: "You were not let in",
            sentence: "Sign-in was cancelled, or your account may not use this application.",
            next: "If you did not cancel, ask your administrator to give you access.",
            way_on: WayOn::SignInAgain,
        },
        AuthorizationError::LoginRequired
        | AuthorizationError::InteractionRequired
        | AuthorizationError::ConsentRequired
        | AuthorizationError::AccountSelectionRequired => sign_in_again(
            "Your sign-in provider needs you",
            "It could not sign you in without asking you something first.",
        ),
        AuthorizationError::AuthenticationExpired => sign_in_again(
            "This sign-in took too long",
            "The page of your sign-in provider stood open until it expired.",
        ),
        AuthorizationError::TemporarilyUnavailable => Words {
            title: "Your sign-in provider is busy",
            sentence: "It can't sign anybody in just now.",
            next: "Try again in a few minutes.",
            way_on: WayOn::SignInAgain,
        },
        AuthorizationError::ServerError => Words {
            title: "Your sign-in provider has a problem",
            sentence: "Something went wrong on its side.",
            next: "Try again. If it happens again, tell your administrator the reference.",
            way_on: WayOn::SignInAgain,
        },
        _ => Words {
            title: "Your sign-in provider refused",
            sentence: "It did not accept the way this application asked it to sign you in.",
            next: "Tell your administrator the reference: the reason is in the log.",
            way_on: WayOn::SignInAgain,
        },
    }
}

fn provider_failed(cause: &oidc::Error) -> Words {
    match cause {
        oidc::Error::TokenType(_) => sign_in_again(
            "Sign-in did not finish",
            "Unsupported token type. Should be 'Bearer'.",
        ),
        oidc::Error::CodeRefused(_) => sign_in_again(
            "That code is used up",
            "Your sign-in provider does not accept the code any more: codes work once, and not for \
             long.",
        ),
        oidc::Error::IdToken(_) | oidc::Error::UserinfoSubject | oidc::Error::ResponseIssuer(_) => {
            Words {
                title: "We could not be sure it is you",
                sentence: "What your sign-in provider sent did not pass our checks, so you are not \
                       signed in.",
                next: "Try again. If it happens again, tell your administrator the reference.",
                way_on: WayOn::SignInAgain,
            }
        }
        busy if busy.is_busy() => authorization_error(&AuthorizationError::TemporarilyUnavailable),
        set_up if set_up.is_misconfiguration() => Words {
            title: "Sign-in is not set up correctly",
            sentence: "This application and your sign-in provider do not fit together, so nobody can \
                       sign in.",
            next: "Tell your administrator the reference: the reason is in the log.",
            way_on: WayOn::SignInAgain,
        },
        oidc::Error::Fetch {
            endpoint: Endpoint::Discovery | Endpoint::Keys,
            ..
        } => Words {
            title: "Your sign-in provider can't be reached",
            sentence: "We could not reach it, so nobody can sign in just now.",
            next: "Try again in a minute. If it goes on, tell your administrator the reference.",
            way_on: WayOn::SignInAgain,
        },
        _ => Words {
            title: "Your sign-in provider did not answer properly",
            sentence: "It let you in but then gave us no answer that we can use.",
            next: "Try again in a minute. If it goes on, tell your administrator the reference.",
            way_on: WayOn::SignInAgain,
        },
    }
}
