//! An authorization response that came by POST (OAuth 2.0 Form Post Response Mode). Browsers send no `SameSite=Lax` cookie
//! with a POST from another site, so the attempt can't be opened yet. We put the response, sealed, into a cookie of a
//! minute, and redirect the browser to a GET. So the attempt's cookie stays Lax, over https and over http, and no URL
//! contains the code.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time as cookie_time};

use crate::oidc::AuthorizationResponse;
use crate::session::Sessions;

/// The longest sealed response that is kept, in bytes: with the attempts it stays below the 5 KiB that all our cookies may
/// have, and its head fits a proxy's buffer. A form of 1,240 bytes or so.
const SEALED_LIMIT: usize = 1700;

impl Sessions {
    /// The cookie that keeps `form`, a response in the encoding of forms; nothing if it is too long.
    pub fn keep_response(&self, form: String) -> Option<Cookie<'static>> {
        let name = self.names.form_post();
        let sealed = self
            .keys
            .seal(|keys| &keys.attempts, &name, form.into_bytes());
        (sealed.len() <= SEALED_LIMIT).then(|| self.response_cookie(name, sealed))
    }

    /// The response that was kept, if its state is `state`, and the removal of its cookie.
    pub fn take_response(
        &self,
        request: &HttpRequest,
        state: &str,
    ) -> Option<(String, Cookie<'static>)> {
        let name = self.names.form_post();
        let sealed = request.cookie(&name)?;
        let (form, _) = self
            .keys
            .open(|keys| &keys.attempts, &name, sealed.value())?;
        let form = String::from_utf8(form).ok()?;
        let waits_for = AuthorizationResponse::first_state(&form)?;
        let mut removal = self.response_cookie(name, String::new());
        removal.make_removal();
        (waits_for == state).then_some((form, removal))
    }

    fn response_cookie(&self, name: String, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path(self.public_url.cookie_path().to_owned())
            .http_only(true)
            .secure(self.public_url.is_https())
            .same_site(SameSite::Lax)
            .max_age(cookie_time::Duration::MINUTE)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::{request_with, sessions};

    #[test]
    fn a_response_waits_for_its_state() {
        let (sessions, _) = sessions();
        let form = "code=c&state=s%26".to_owned();
        let cookie = sessions.keep_response(form.clone()).unwrap();
        assert_eq!(cookie.name(), "__Host-doorward-form-post");
        let request = request_with([&cookie]);
        let (waiting, removal) = sessions.take_response(&request, "s&").unwrap();
        assert_eq!(waiting, form);
        assert_eq!((removal.name(), removal.value()), (cookie.name(), ""));
        assert!(sessions.take_response(&request, "other").is_none());
        let made_up = Cookie::new(cookie.name().to_owned(), form);
        let request = request_with([&made_up]);
        assert!(sessions.take_response(&request, "s&").is_none());
    }

    #[test]
    fn a_response_that_is_too_long_is_not_kept() {
        let (sessions, _) = sessions();
        // Sealed, 28 bytes more; in base64, a third more.
        for (bytes, is_kept) in [(1247, true), (1248, false)] {
            let kept = sessions.keep_response("a".repeat(bytes));
            assert_eq!(kept.is_some(), is_kept, "{bytes}");
        }
    }
}
