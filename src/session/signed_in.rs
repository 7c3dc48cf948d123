//! The person who is signed in.

use actix_web::HttpRequest;
use secrecy::SecretString;

use super::cache::CachedSession;
use super::carrier::Carried;
use crate::db::User;

/// The person who is signed in, in the browser that sent the request.
pub struct SignedIn(Carried);

impl SignedIn {
    /// `None` if no person is signed in there.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        Carried::of(request).map(SignedIn)
    }

    /// The person.
    pub fn user(&self) -> &User {
        &self.0.session.user
    }

    /// The session.
    pub fn session(&self) -> &CachedSession {
        &self.0.session
    }

    /// The ID token of the sign-in, if it was kept.
    pub fn id_token_hint(&self) -> Option<SecretString> {
        self.0.session.stored.id_token_hint.clone()
    }

    /// Removes the browser's cookie. [`super::Sessions::sign_out`] ends the session itself.
    pub(super) fn forget(self) {
        self.0.log_out();
    }
}
