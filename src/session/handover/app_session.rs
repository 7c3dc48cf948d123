//! The session that a browser has at an app, in a cookie of the app's host.

use std::ops::Deref;

use actix_web::cookie::Cookie;

use super::AppCookies;
use crate::session::Sessions;

/// What finds a session: its key hash, without an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSession {
    /// With room for what the cookie holds besides: base64 may need a little more than what comes out.
    buffer: [u8; 96],
    len: usize,
}

impl Deref for AppSession {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.buffer[..self.len]).unwrap_or_default()
    }
}

impl Sessions {
    /// The session that a browser has at `host`; nothing if the cookie is not ours.
    pub fn app_session(&self, host: &str, cookies: &AppCookies<'_>) -> Option<AppSession> {
        let mut buffer = [0; 96];
        let sealed = cookies.session?;
        let len = self
            .keys
            .open_into(|keys| &keys.app_sessions, host, sealed, &mut buffer)?;
        Some(AppSession { buffer, len })
    }

    /// The cookie of the session with this key hash at `host`.
    pub(in crate::session) fn app_session_cookie(
        &self,
        host: &str,
        key_hash: &str,
    ) -> Cookie<'static> {
        let plain = key_hash.as_bytes().to_vec();
        let value = self.keys.seal(|keys| &keys.app_sessions, host, plain);
        self.app_cookie(self.app_cookie_names(host).session(), value)
    }
}
