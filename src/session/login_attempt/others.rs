//! The other attempts of a browser: those of its other tabs.

use actix_web::HttpRequest;

use crate::db::SingleUse;
use crate::session::Sessions;

/// Another attempt of a browser. Not `Debug`, since it has a secret.
#[derive(Clone)]
pub struct OtherAttempt {
    /// What uses it up.
    pub used: SingleUse,
    /// The secret of the session that it starts.
    pub session_secret: String,
}

impl Sessions {
    /// The browser's attempts but for that whose session has the secret `own`. Only those count that we have sealed, and that
    /// can still be finished: browsers remove the others.
    pub fn other_attempts(&self, request: &HttpRequest, own: &str) -> Vec<OtherAttempt> {
        let Ok(cookies) = request.cookies() else {
            return Vec::new();
        };
        cookies
            .iter()
            .filter(|cookie| self.names.is_login(cookie.name()))
            .filter_map(|cookie| self.open_attempt(cookie))
            .filter(|login| self.is_current(login))
            .map(|login| OtherAttempt {
                used: self.used(&login.attempt.state),
                session_secret: login.attempt.session_secret,
            })
            .filter(|other| other.session_secret != own)
            .collect()
    }
}
