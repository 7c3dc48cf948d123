//! An authorization response that came by POST (OAuth 2.0 Form Post Response Mode). Browsers send no
//! `SameSite=Lax` cookie with a POST from another site, so the attempt can't be opened yet: the
//! response waits, sealed, in a cookie of a minute while the browser comes again with a GET. Thus the
//! attempt's cookie stays Lax, over https and over http, and the code gets into no address.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time as cookie_time};

use super::Sessions;

/// Browsers keep no cookie of more than 4096 bytes, name and attributes included.
const SEALED_LIMIT: usize = 3800;

impl Sessions {
    /// The cookie that keeps `form`, the response that names `state`; nothing if it is too long.
    pub fn keep_answer(&self, state: &str, form: &str) -> Option<Cookie<'static>> {
        let name = self.names.answer(state);
        let sealed = self
            .keys
            .seal(|keys| &keys.attempts, &name, form.as_bytes().to_vec());
        (sealed.len() <= SEALED_LIMIT).then(|| self.answer_cookie(name, sealed))
    }

    /// The response that waits under `state`, and the removal of its cookie.
    pub fn take_answer(
        &self,
        request: &HttpRequest,
        state: &str,
    ) -> Option<(String, Cookie<'static>)> {
        let name = self.names.answer(state);
        let sealed = request.cookie(&name)?;
        let (form, _) = self
            .keys
            .open(|keys| &keys.attempts, &name, sealed.value())?;
        let mut removal = self.answer_cookie(name, String::new());
        removal.make_removal();
        Some((String::from_utf8(form).ok()?, removal))
    }

    fn answer_cookie(&self, name: String, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path(self.cookie_path())
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(cookie_time::Duration::MINUTE)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{request_with, sessions};
    use super::*;

    #[test]
    fn a_response_waits_in_a_cookie_of_its_state() {
        let (sessions, _) = sessions();
        let cookie = sessions.keep_answer("state", "code=c").unwrap();
        assert_eq!(cookie.name(), "__Host-doorward-answer-state");
        let request = request_with([&cookie]);
        let (form, removal) = sessions.take_answer(&request, "state").unwrap();
        assert_eq!(form, "code=c");
        assert_eq!((removal.name(), removal.value()), (cookie.name(), ""));
        assert!(sessions.take_answer(&request, "other").is_none());
        let made_up = Cookie::new(cookie.name().to_owned(), "code=c");
        let request = request_with([&made_up]);
        assert!(sessions.take_answer(&request, "state").is_none());
    }

    #[test]
    fn a_response_that_fits_no_cookie_is_not_kept() {
        let (sessions, _) = sessions();
        // Sealed, 28 bytes more; in base64, a third more.
        for (bytes, is_kept) in [(2822, true), (2823, false)] {
            let kept = sessions.keep_answer("state", &"a".repeat(bytes));
            assert_eq!(kept.is_some(), is_kept, "{bytes}");
        }
    }
}
