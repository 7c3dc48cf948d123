//! The kinds of audit events. The names are part of the interface: dashboards and scripts use them.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A person signed in.
    SignIn,
    /// A sign-in failed; the reason says why.
    SignInFailed,
    /// Events that strangers can cause were too many to be kept; the reason names them.
    EventsDropped,
    /// A person signed out.
    SignOut,
    /// One of our cookies was sent twice: another party set one of them.
    CookiesPlanted,
    /// A session expired; the reason says which timeout was reached.
    SessionExpired,
    /// A session ended because the same browser signed in again.
    SessionReplaced,
    /// The person signed in again for more than their session allowed: it goes on with another key.
    StepUp,
    /// A person signed in for the first time.
    UserCreated,
    /// An administrator blocked a person.
    UserBlocked,
    /// An administrator unblocked a person.
    UserUnblocked,
    /// An administrator deleted a person.
    UserDeleted,
    /// An administrator ended a session.
    SessionRevoked,
    /// A person's session came to an app behind the gateway.
    AppEntered,
    /// A person was refused at an app behind the gateway; the reason says why.
    AccessRefused,
    /// A request to end sessions was refused; the reason says why.
    LogoutRefused,
}

impl Event {
    /// All of them.
    pub const ALL: [Event; 16] = [
        Event::SignIn,
        Event::SignInFailed,
        Event::EventsDropped,
        Event::SignOut,
        Event::CookiesPlanted,
        Event::SessionExpired,
        Event::SessionReplaced,
        Event::StepUp,
        Event::UserCreated,
        Event::UserBlocked,
        Event::UserUnblocked,
        Event::UserDeleted,
        Event::SessionRevoked,
        Event::AppEntered,
        Event::AccessRefused,
        Event::LogoutRefused,
    ];

    /// Its name in the log and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Event::SignIn => "sign_in",
            Event::SignInFailed => "sign_in_failed",
            Event::EventsDropped => "events_dropped",
            Event::SignOut => "sign_out",
            Event::CookiesPlanted => "cookies_planted",
            Event::SessionExpired => "session_expired",
            Event::SessionReplaced => "session_replaced",
            Event::StepUp => "step_up",
            Event::UserCreated => "user_created",
            Event::UserBlocked => "user_blocked",
            Event::UserUnblocked => "user_unblocked",
            Event::UserDeleted => "user_deleted",
            Event::SessionRevoked => "session_revoked",
            Event::AppEntered => "app_entered",
            Event::AccessRefused => "access_refused",
            Event::LogoutRefused => "logout_refused",
        }
    }
}
