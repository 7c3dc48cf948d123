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
        let name = self.answer_cookie_name(state);
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
        let name = self.answer_cookie_name(state);
        let sealed = request.cookie(&name)?;
        let (form, _) = self
            .keys
            .open(|keys| &keys.attempts, &name, sealed.value())?;
        let mut removal = self.answer_cookie(name, String::new());
        removal.make_removal();
        Some((String::from_utf8(form).ok()?, removal))
    }

    fn answer_cookie_name(&self, state: &str) -> String {
        self.cookie_name_for("doorward-answer", state)
    }

    fn answer_cookie(&self, name: String, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path(self.base.cookie_path().to_owned())
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(cookie_time::Duration::MINUTE)
            .finish()
    }
}
