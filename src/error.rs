//! What went wrong, in two texts: a page for the visitor, a line for the log.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

use crate::session::NoLogin;
use crate::{db, oidc, routes};

/// Every way in which a request can end without what was asked for.
#[derive(Debug)]
pub enum Error {
    /// The page is for signed-in people; where the visitor wanted to go.
    SignInNeeded {
        /// Path and query.
        wanted: Option<String>,
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
    /// Another site tried to sign the person out.
    CrossSiteSignOut,
    /// The database is away.
    Database(db::Error),
    /// The session could not be loaded or stored, which is the database's fault too.
    Session(String),
    /// Ours, and not to be expected.
    Internal(String),
}

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

impl Error {
    /// An error of a library that our own use of it rules out.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Error::Internal(cause.to_string())
    }

    /// Whether the answer is only too late, or not this browser's: worth a fresh attempt.
    pub fn is_stale(&self) -> bool {
        match self {
            Error::NoLogin(cause) => *cause != NoLogin::NoState,
            Error::Provider(cause) => matches!(cause, oidc::Error::CodeRefused),
            _ => false,
        }
    }

    /// When it is worth to try again, in seconds, if the provider said so.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Error::Provider(cause) => cause.retry_after_secs(),
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
            | Error::CrossSiteSignOut => StatusCode::FORBIDDEN,
            Error::Provider(cause) => match cause {
                oidc::Error::CodeRefused
                | oidc::Error::ResponseIssuer(_)
                | oidc::Error::TokenType(_)
                | oidc::Error::IdToken(_)
                | oidc::Error::UserinfoSubject => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_GATEWAY,
            },
            Error::Database(_) | Error::Session(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
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

    /// What the visitor reads. Never anything that came from a provider or a database.
    pub fn words(&self) -> Words {
        match self {
            Error::MalformedResponse(_) => sign_in_again(
                "That answer made no sense",
                "The answer that came back from the sign-in page is malformed.",
            ),
            Error::NoCode => sign_in_again(
                "Sign-in did not finish",
                "The code was not returned or is not accessible",
            ),
            Error::NoLogin(NoLogin::NoState) => sign_in_again(
                "Sign-in did not finish",
                "The answer does not say which sign-in it belongs to.",
            ),
            Error::NoLogin(NoLogin::Expired { .. }) => sign_in_again(
                "That took a little long",
                "You have ten minutes to sign in, and they have passed.",
            ),
            Error::NoLogin(_) => Words {
                title: "This sign-in can't be finished here",
                sentence: "We tried again, and your browser still does not remember that it began.",
                next: "Allow cookies for this site, check that your clock is right, and do not \
                       sign in from a bookmark of this page. Then sign in again.",
                way_on: WayOn::SignInAgain,
            },
            Error::ProviderSaid { code, .. } => provider_said(code),
            Error::Provider(cause) => provider_failed(cause),
            Error::CrossSiteSignOut => Words {
                title: "You are still signed in",
                sentence: "Another site tried to sign you out.",
                next: "If you do want to leave, use the sign-out button here.",
                way_on: WayOn::Home,
            },
            Error::Database(_) | Error::Session(_) => Words {
                title: "We can't get to our records",
                sentence: "Our database does not answer just now, so nothing could be looked up.",
                next: "Try again in a minute.",
                way_on: WayOn::Home,
            },
            Error::SignInNeeded { .. } | Error::Internal(_) => Error::unexpected(),
        }
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

/// RFC 6749, 4.1.2.1: these say that the provider could not, the others that it would not.
fn provider_is_at_fault(code: &str) -> bool {
    matches!(code, "server_error" | "temporarily_unavailable")
}

/// RFC 6749, 4.1.2.1 and OpenID Connect Core 3.1.2.6, each in plain words.
fn provider_said(code: &str) -> Words {
    match code {
        "access_denied" => Words {
            title: "You were not let in",
            sentence: "Sign-in was cancelled, or your account may not use this application.",
            next: "If you did not cancel, ask your administrator to give you access.",
            way_on: WayOn::SignInAgain,
        },
        "login_required"
        | "interaction_required"
        | "consent_required"
        | "account_selection_required" => sign_in_again(
            "Your sign-in provider needs you",
            "It could not sign you in without asking you something first.",
        ),
        "temporarily_unavailable" => Words {
            title: "Your sign-in provider is busy",
            sentence: "It can't sign anybody in just now.",
            next: "Try again in a few minutes.",
            way_on: WayOn::SignInAgain,
        },
        "server_error" => Words {
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

/// For the log: what an administrator can do about it. The causes are those of Okta's catalogue.
fn admin_hint(code: &str) -> &'static str {
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

fn provider_failed(cause: &oidc::Error) -> Words {
    match cause {
        oidc::Error::TokenType(_) => sign_in_again(
            "Sign-in did not finish",
            "Unsupported token type. Should be 'Bearer'.",
        ),
        oidc::Error::CodeRefused => sign_in_again(
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
        busy if busy.is_busy() => provider_said("temporarily_unavailable"),
        oidc::Error::Discovery(_)
        | oidc::Error::Fetch {
            what: "discovery" | "keys",
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
            Error::MalformedResponse(oidc::MalformedResponse::TooLong) => {
                f.write_str("the authorization response fits no cookie")
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
            Error::CrossSiteSignOut => f.write_str("another site tried to sign the person out"),
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
        if let Error::SignInNeeded { wanted } = self {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(wanted.iter().map(|wanted| ("return_to", wanted)));
            let location = format!("{}?{}", routes::LOGIN, query.finish());
            let location = location.trim_end_matches('?');
            response.insert_header((header::LOCATION, location));
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
