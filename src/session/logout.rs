//! The way through the provider's end-session endpoint and back: a state that the browser keeps
//! meanwhile (RP-Initiated Logout 1.0, 2).

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time as cookie_time};
use subtle::ConstantTimeEq;

use super::Sessions;

impl Sessions {
    /// The cookie that remembers `state` for ten minutes.
    pub fn begin_logout(&self, state: String) -> Cookie<'static> {
        Cookie::build(self.names.logout(), state)
            .path(self.base.cookie_path().to_owned())
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(cookie_time::Duration::minutes(10))
            .finish()
    }

    /// The cookie's removal, if `state` is the one that this browser left with.
    pub fn finish_logout(&self, request: &HttpRequest, state: &str) -> Option<Cookie<'static>> {
        let mut cookie = self.begin_logout(String::new());
        let kept = request.cookie(cookie.name())?;
        let same: bool = kept.value().as_bytes().ct_eq(state.as_bytes()).into();
        cookie.make_removal();
        same.then_some(cookie)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{request_with, sessions};

    #[test]
    fn a_browser_comes_back_with_the_state_that_it_left_with() {
        let (sessions, _) = sessions();
        let cookie = sessions.begin_logout("state".to_owned());
        let request = request_with([&cookie]);
        let removal = sessions.finish_logout(&request, "state").unwrap();
        assert_eq!((removal.name(), removal.value()), (cookie.name(), ""));
        assert!(sessions.finish_logout(&request, "other").is_none());
        let without = sessions.finish_logout(&request_with([]), "state");
        assert!(without.is_none());
    }
}
