//! Sign-out through the provider's end-session endpoint and back. The browser keeps the state meanwhile (RP-Initiated Logout
//! 1.0, 2). For a minute, the database keeps what a second click on the button needs: browsers discard the response to the
//! first click and follow the response to the second.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time as cookie_time};
use secrecy::{ExposeSecret, SecretString};
use time::Duration;

use super::carrier::signed_part;
use super::key_ring::secret_of;
use super::store::hash;
use super::{Sessions, SignedIn};
use crate::accounts::end::{self, Which};
use crate::db::{self, AnyConnection, SignOut};
use crate::random;

/// How long after a sign-out a second click still reaches the provider.
const AGAIN_FOR: Duration = Duration::MINUTE;

/// A prefix of what is signed for the state's cookie, so that a session's cookie is not accepted as one.
const MARK: &str = "logout-";

/// A sign-out that continues at the provider.
pub struct Logout {
    /// The provider returns it. Derived from the session's secret, so that all responses to one sign-out have the same.
    pub state: String,
    /// The ID token of the sign-in, if it was kept.
    pub id_token_hint: Option<SecretString>,
    /// What the provider was asked again with, which nobody needs any more, if this ended the session.
    pub refresh_token: Option<SecretString>,
}

impl Sessions {
    /// Signs a person out: when this returns, the old cookie opens nothing.
    ///
    /// # Errors
    /// The person is still signed in.
    pub async fn sign_out(
        &self,
        request: &HttpRequest,
        person: SignedIn,
    ) -> Result<Logout, db::Error> {
        let hint = self.id_token_hint(request, &person).await?;
        let logout = self.end_with(request, hint).await?;
        person.forget();
        Ok(logout)
    }

    /// Signs out a browser that has not received the answer to its step-up yet: its cookie is that of before. Nothing if it
    /// has no such cookie.
    ///
    /// # Errors
    /// The person is still signed in.
    pub async fn sign_out_by_former_key(
        &self,
        request: &HttpRequest,
    ) -> Result<Option<Logout>, db::Error> {
        let Some(key_hash) = self.key_hash(request) else {
            return Ok(None);
        };
        match self.read_row(&key_hash).await? {
            Some((now, stored, _)) if now != key_hash => {
                let ended = self.end_with(request, stored.id_token_hint).await?;
                Ok(Some(ended))
            }
            _ => Ok(None),
        }
    }

    pub(super) async fn end_with(
        &self,
        request: &HttpRequest,
        id_token_hint: Option<SecretString>,
    ) -> Result<Logout, db::Error> {
        let state = self.state_of_session(request);
        // A signed-in browser has a session cookie. Without one, there is nothing to end.
        let state = state.unwrap_or_else(random::secret);
        let mut ended = Vec::new();
        if let Some(key_hash) = self.key_hash(request) {
            let now = self.clock.now();
            let second_click = self.second_click(&state, id_token_hint.as_ref());
            let key = key_hash.clone();
            let sign_out = move |connection: &mut AnyConnection, _: &Which| {
                end::sign_out(connection, &key, &second_click, now).map(Vec::from_iter)
            };
            ended = self.end_by(Which::One(key_hash), sign_out).await?;
        }
        Ok(Logout {
            state,
            id_token_hint,
            refresh_token: self.refresh_tokens_of(&ended).pop(),
        })
    }

    /// What a second click on "Sign out" needs.
    fn second_click(&self, state: &str, id_token_hint: Option<&SecretString>) -> SignOut {
        let state_hash = hash(state);
        let hint = id_token_hint.map(ExposeSecret::expose_secret);
        let hint = hint.unwrap_or_default().as_bytes().to_vec();
        SignOut {
            id_token_hint: self.keys.seal(|keys| &keys.sessions, &state_hash, hint),
            state_hash,
        }
    }

    /// The sign-out that this browser started within the last minute, found by the session's cookie or by the state's. The
    /// ended session's cookie only leads to the provider with the hint, and opens nothing.
    pub async fn recent_logout(&self, request: &HttpRequest) -> Result<Option<Logout>, db::Error> {
        let state = self.state_of_session(request);
        let Some(state) = state.or_else(|| self.state_of_logout(request)) else {
            return Ok(None);
        };
        let state_hash = hash(&state);
        let (wanted, since) = (state_hash.clone(), self.clock.now() - AGAIN_FOR);
        let found = self
            .db
            .read(move |connection| SignOut::get_hint(connection, &wanted, since));
        let Some(sealed) = found.await? else {
            return Ok(None);
        };
        let opened = self
            .keys
            .open(|keys| &keys.sessions, &state_hash, &sealed)
            .and_then(|(hint, _)| String::from_utf8(hint).ok());
        Ok(opened.map(|hint| Logout {
            state,
            id_token_hint: (!hint.is_empty()).then(|| hint.into()),
            refresh_token: None,
        }))
    }

    /// Removes the sign-outs that are older than [`AGAIN_FOR`].
    pub(super) async fn purge_logouts(&self) -> Result<(), db::Error> {
        let until = self.clock.now() - AGAIN_FOR;
        let purge = move |connection: &mut _| SignOut::purge(connection, until);
        self.db.run_until_none(purge).await.map(drop)
    }

    /// The cookie that keeps `state` for ten minutes. It is signed, so that a forged one costs no query.
    pub fn logout_cookie(&self, state: &str) -> Cookie<'static> {
        self.logout_cookie_of(self.keys.sign(&format!("{MARK}{state}")))
    }

    /// The cookie's removal, if `state` is the one in this browser's cookie.
    pub fn finish_logout(&self, request: &HttpRequest, state: &str) -> Option<Cookie<'static>> {
        let kept = self.state_of_logout(request)?;
        let same = random::is_same(&kept, state);
        let mut cookie = self.logout_cookie_of(String::new());
        cookie.make_removal();
        same.then_some(cookie)
    }

    fn logout_cookie_of(&self, value: String) -> Cookie<'static> {
        Cookie::build(self.names.logout(), value)
            .path(self.public_url.cookie_path().to_owned())
            .http_only(true)
            .secure(self.public_url.is_https())
            .same_site(SameSite::Lax)
            .max_age(cookie_time::Duration::minutes(10))
            .finish()
    }

    fn state_of_logout(&self, request: &HttpRequest) -> Option<String> {
        let cookie = request.cookie(&self.names.logout())?;
        self.keys.verify(cookie.value())?;
        let state = secret_of(cookie.value()).strip_prefix(MARK)?;
        Some(state.to_owned())
    }

    /// The state for the session whose cookie was sent, whether that session still exists or not. It is a hash, because the
    /// provider gets it and must not get the secret.
    fn state_of_session(&self, request: &HttpRequest) -> Option<String> {
        let secret = self.session_secret(request)?;
        Some(hash(&format!("{MARK}{secret}")))
    }

    /// The secret in the session's cookie, if the cookie is ours.
    pub(super) fn session_secret(&self, request: &HttpRequest) -> Option<String> {
        let cookie = request.cookie(&self.names.session())?;
        let signed = signed_part(cookie.value())?;
        self.keys.verify(signed)?;
        Some(secret_of(signed).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::key_ring::SIGNED_LEN;
    use super::super::tests::{request_with, sessions};
    use super::*;

    #[test]
    fn a_browser_comes_back_with_the_state_that_it_left_with() {
        let (sessions, _) = sessions();
        let cookie = sessions.logout_cookie("state");
        let request = request_with([&cookie]);
        let removal = sessions.finish_logout(&request, "state").unwrap();
        assert_eq!((removal.name(), removal.value()), (cookie.name(), ""));
        assert!(sessions.finish_logout(&request, "other").is_none());
        let without = sessions.finish_logout(&request_with([]), "state");
        assert!(without.is_none());
    }

    #[test]
    fn a_made_up_cookie_names_no_sign_out() {
        let (sessions, _) = sessions();
        let signed = sessions.keys.sign(&crate::random::secret());
        for value in ["", "x", "logout-state", signed.as_str()] {
            let mut cookie = sessions.logout_cookie("state");
            cookie.set_value(value.to_owned());
            let state = sessions.state_of_logout(&request_with([&cookie]));
            assert_eq!(state, None, "{value}");
        }
        let as_session = sessions.logout_cookie("state").value().to_owned();
        let made_up = "A".repeat(SIGNED_LEN + 44);
        for value in ["", "é", as_session.as_str(), made_up.as_str()] {
            let cookie = Cookie::new("__Host-doorward", value.to_owned());
            let state = sessions.state_of_session(&request_with([&cookie]));
            assert_eq!(state, None, "{value}");
        }
    }
}
