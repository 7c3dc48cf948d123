//! The other attempts of a browser: those of its other tabs.

use actix_web::HttpRequest;

use crate::session::Sessions;

/// How many are looked at. So many have room in the cookies of a browser.
const LIMIT: usize = 16;

impl Sessions {
    /// The secrets of the sessions that the browser's attempts start, but for `own`. Only attempts that we have sealed count.
    pub fn other_session_secrets(&self, request: &HttpRequest, own: &str) -> Vec<String> {
        let Ok(cookies) = request.cookies() else {
            return Vec::new();
        };
        let attempts = cookies
            .iter()
            .filter(|cookie| self.names.is_login(cookie.name()))
            .filter_map(|cookie| self.open_attempt(cookie));
        let secrets = attempts.map(|login| login.attempt.session_secret);
        secrets.filter(|secret| secret != own).take(LIMIT).collect()
    }
}
