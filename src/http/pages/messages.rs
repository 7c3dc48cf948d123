//! The texts of the error page: what happened, and what to do next. Nothing in them comes from a provider or a database.
//! `http/error/refusals.rs` says which error has which message. Longer than other files, since it is one list.

/// The text of an error page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The heading.
    pub title: &'static str,
    /// What happened.
    pub sentence: &'static str,
    /// What to do next.
    pub next: &'static str,
    /// The page's button.
    pub action: Action,
}

/// Where the page's button leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To a new attempt to sign in.
    SignInAgain,
    /// To the home page.
    Home,
}

impl Action {
    /// What the button says.
    pub fn label(self) -> &'static str {
        match self {
            Action::SignInAgain => "Sign in again",
            Action::Home => "Go to the home page",
        }
    }
}

/// A message whose button is [`Action::SignInAgain`].
const fn sign_in_again(title: &'static str, sentence: &'static str, next: &'static str) -> Message {
    Message {
        title,
        sentence,
        next,
        action: Action::SignInAgain,
    }
}

/// A message whose button is [`Action::Home`].
const fn home(title: &'static str, sentence: &'static str, next: &'static str) -> Message {
    Message {
        title,
        sentence,
        next,
        action: Action::Home,
    }
}

const NOTHING_CHANGED: &str = "Nothing has changed. Please sign in again.";
const TELL_IF_AGAIN: &str =
    "Try again. If it happens again, tell your administrator the reference.";
const TELL_IF_IT_CONTINUES: &str =
    "Try again in a minute. If the problem continues, tell your administrator the reference.";
const TELL: &str = "Tell your administrator the reference: the reason is in the log.";
const FROM_HOME: &str = "Start again from the home page.";

// The attempt to sign in, in this browser.

pub const MALFORMED_RESPONSE: Message = sign_in_again(
    "Sign-in did not finish",
    "The response from your sign-in provider is malformed.",
    NOTHING_CHANGED,
);
pub const NO_CODE: Message = sign_in_again(
    "Sign-in did not finish",
    "The code was not returned or is not accessible",
    NOTHING_CHANGED,
);
pub const NO_STATE: Message = sign_in_again(
    "Sign-in did not finish",
    "The response does not say which sign-in it belongs to.",
    NOTHING_CHANGED,
);
pub const ATTEMPT_USED: Message = sign_in_again(
    "This sign-in was already used",
    "A sign-in at your provider works only once.",
    "Please sign in again.",
);
pub const ATTEMPT_EXPIRED: Message = sign_in_again(
    "This sign-in took too long",
    "You have ten minutes to sign in, and they have passed.",
    NOTHING_CHANGED,
);
pub const SIGNED_OUT_MEANWHILE: Message = sign_in_again(
    "You were signed out",
    "Your sign-in provider signed you out while you were signing in here.",
    NOTHING_CHANGED,
);
pub const NO_COOKIE: Message = sign_in_again(
    "This sign-in can't be finished here",
    "Your browser did not keep our sign-in cookie, even on the second try.",
    "Allow cookies for this site, check that your clock is right, and do not sign in from a bookmark of this page. Then \
     sign in again.",
);
pub const TOO_MANY_ATTEMPTS: Message = sign_in_again(
    "Too many sign-in attempts",
    "Too many sign-ins are coming from your network right now.",
    "Try again in a minute.",
);

// Errors from the provider (RFC 6749, 4.1.2.1; OpenID Connect Core 3.1.2.6).

pub const NOT_LET_IN: Message = sign_in_again(
    "You were not let in",
    "Sign-in was cancelled, or your account may not use this application.",
    "If you did not cancel, ask your administrator to give you access.",
);
pub const PROVIDER_PAGE_EXPIRED: Message = sign_in_again(
    "This sign-in took too long",
    "Your sign-in provider's page was open for too long and has expired.",
    NOTHING_CHANGED,
);
pub const PROVIDER_NEEDS_YOU: Message = sign_in_again(
    "Your sign-in provider needs you",
    "It could not sign you in without asking you something first.",
    NOTHING_CHANGED,
);
pub const FACTOR_MISSING: Message = sign_in_again(
    "Your sign-in provider needs another factor",
    "Your account has no sign-in method that is strong enough for this application.",
    "Set one up at your sign-in provider, or ask your administrator. Then sign in again.",
);
pub const STRONGER_SIGN_IN: Message = sign_in_again(
    "A stronger sign-in is needed",
    "Your sign-in provider did not confirm the stronger sign-in that this page needs.",
    "Go back and try again. If it happens again, tell your administrator the reference.",
);
pub const SESSION_OVER: Message = sign_in_again(
    "Your session there is over",
    "Your sign-in provider says that your session with it has ended.",
    "Sign in again. If it happens again, tell your administrator the reference.",
);
pub const SOMEBODY_ELSE: Message = home(
    "That is somebody else",
    "You signed in as another person than the one who is signed in here. Nothing has changed.",
    "Go back and sign in as the same person, or sign out here first.",
);
pub const PROVIDER_BUSY: Message = sign_in_again(
    "Your sign-in provider is busy",
    "It can't sign anybody in right now.",
    "Try again in a few minutes.",
);
pub const PROVIDER_FAILED: Message = sign_in_again(
    "Your sign-in provider has a problem",
    "Something went wrong on its side.",
    TELL_IF_AGAIN,
);
pub const PROVIDER_REJECTED: Message = sign_in_again(
    "Your sign-in provider rejected the request",
    "It did not accept the way this application asked it to sign you in.",
    TELL,
);

// Our requests to the provider.

pub const NOT_SET_UP: Message = sign_in_again(
    "Sign-in is not set up correctly",
    "This application and your sign-in provider do not work together, so nobody can sign in.",
    TELL,
);
pub const PROVIDER_UNREACHABLE: Message = sign_in_again(
    "Your sign-in provider can't be reached",
    "We could not reach it, so nobody can sign in right now.",
    TELL_IF_IT_CONTINUES,
);
pub const UNUSABLE_RESPONSE: Message = sign_in_again(
    "Your sign-in provider did not respond properly",
    "It signed you in, but then sent us no response that we can use.",
    TELL_IF_IT_CONTINUES,
);
pub const CODE_REJECTED: Message = sign_in_again(
    "This sign-in has expired",
    "Your sign-in provider no longer accepts the code: a code works only once, and only for a short time.",
    NOTHING_CHANGED,
);
pub const TOKEN_TYPE: Message = sign_in_again(
    "Sign-in did not finish",
    "Unsupported token type. Should be 'Bearer'.",
    NOTHING_CHANGED,
);
pub const NOT_VERIFIED: Message = sign_in_again(
    "We could not verify who you are",
    "What your sign-in provider sent did not pass our checks, so you are not signed in.",
    TELL_IF_AGAIN,
);

// Doorward itself.

pub const BLOCKED: Message = home(
    "You may not sign in",
    "Your account has been blocked here, so you are not signed in.",
    "If you think that this is a mistake, tell your administrator the reference.",
);
pub const OTHER_ISSUER: Message = sign_in_again(
    "We can't sign you in there",
    "The link names a sign-in provider that this site does not use.",
    "You can still sign in with the provider of this site.",
);
pub const CROSS_SITE_SIGN_OUT: Message = home(
    "You are still signed in",
    "Another site tried to sign you out.",
    "If you want to sign out, use the sign-out button on this site.",
);
pub const DATABASE: Message = home(
    "We can't reach our database",
    "Our database is not responding right now, so nothing could be looked up.",
    "Try again in a minute.",
);
pub const SIGN_OUT_NOT_RECORDED: Message = home(
    "You may still be signed in",
    "Our database did not record that you signed out.",
    "Try to sign out again in a minute. If other people use this computer, close all windows of this browser.",
);
pub const UNEXPECTED: Message = home(
    "Something went wrong",
    "This is our fault, not yours.",
    "Try again. If it happens again, tell us the reference.",
);

// Requests that the framework or a layer refuses.

pub const NOT_FOUND: Message = home(
    "Page not found",
    "There is nothing at this address.",
    "Check the address, or start from the home page.",
);
pub const METHOD_NOT_ALLOWED: Message = home(
    "That is not possible here",
    "This address does not accept that kind of request.",
    FROM_HOME,
);
pub const REQUEST_TIMEOUT: Message = home(
    "Your request took too long",
    "Your browser did not finish sending it.",
    "Try again, perhaps on a better connection.",
);
pub const PAYLOAD_TOO_LARGE: Message = home(
    "Your request is too large",
    "Your browser sent more than this address accepts.",
    FROM_HOME,
);
pub const URI_TOO_LONG: Message = home(
    "The address is too long",
    "None of our pages has such a long address.",
    "Check the address, or start from the home page.",
);
pub const HEADERS_TOO_LARGE: Message = home(
    "Your request is too large",
    "Your browser sent too much with its request, most often too many cookies.",
    "Try again. If it happens again, delete the cookies of this site and of its neighbouring sites.",
);
pub const BAD_REQUEST: Message = home(
    "We could not read your request",
    "Your browser sent something that we can't read.",
    FROM_HOME,
);

/// A link to an app, or to the reason for a refusal, was not made by us.
pub const HANDOVER_FORGED: Message = home(
    "This link does not work",
    "It was not made by us, or was cut off.",
    "Open the app's own address again.",
);
