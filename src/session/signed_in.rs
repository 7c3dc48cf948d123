//! The person who is signed in.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::cache::CachedSession;
use super::carrier::Carried;
use super::stored::Stored;
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
        &self.0.loaded.session.user
    }

    /// The session.
    pub fn session(&self) -> &CachedSession {
        &self.0.loaded.session
    }

    /// The session, to keep.
    pub fn shared_session(&self) -> &Arc<CachedSession> {
        &self.0.loaded.session
    }

    /// What the session's row holds, if this request has read it.
    pub(super) fn stored(&self) -> Option<&Stored> {
        self.0.loaded.stored.as_deref()
    }

    /// Removes the browser's cookie. [`super::Sessions::sign_out`] ends the session itself.
    pub(super) fn forget(self) {
        self.0.log_out();
    }
}
