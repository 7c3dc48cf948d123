//! An attempt to sign in, from `/login` to the callback: kept by the browser that began it, sealed,
//! in a cookie of its own, so that tabs do not disturb each other and strangers cost no row.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};

use super::{ReturnTo, Sessions};
use crate::oidc::Attempt;

/// How long a person has at the provider.
pub(super) const LIFETIME: Duration = Duration::minutes(10);

/// How many tabs can be on their way at once.
const AT_ONCE: usize = 5;

/// What the browser keeps for us while the person is at the provider.
#[derive(Serialize, Deserialize)]
pub struct Login {
    /// State, nonce and verifier.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// Where to go afterwards.
    pub return_to: ReturnTo,
    /// When it began, in UTC. To the nanosecond, so that tabs of one moment keep their order.
    #[serde(with = "time::serde::timestamp::nanoseconds")]
    began_at: OffsetDateTime,
}

/// Why a callback belongs to no attempt. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLogin {
    /// The response names no state.
    NoState,
    /// This browser has no attempt of that state: another browser's, one that is used up, or
    /// cookies are off.
    NotThisBrowser,
    /// The cookie was not sealed by us, or not for this state.
    Forged,
    /// It signed somebody in, or was about to.
    Used,
    /// Ten minutes went by.
    Expired {
        /// Where the person wanted to go.
        return_to: ReturnTo,
    },
}

impl std::fmt::Display for NoLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NoLogin::NoState => "the response has no state",
            NoLogin::NotThisBrowser => {
                "this browser has no attempt of that state (used up, another browser, or no cookies)"
            }
            NoLogin::Forged => "the attempt's cookie was not sealed by us for that state",
            NoLogin::Used => "the attempt was used before",
            NoLogin::Expired { .. } => "the attempt is older than ten minutes",
        })
    }
}

impl Sessions {
    /// Remembers an attempt: the cookies to set. The oldest go when there are too many.
    pub fn begin_login(
        &self,
        request: &HttpRequest,
        attempt: Attempt,
        return_to: ReturnTo,
    ) -> Vec<Cookie<'static>> {
        let name = self.names.login(&attempt.state);
        let login = Login {
            attempt,
            return_to,
            began_at: self.clock.now(),
        };
        let plain = serde_json::to_vec(&login).expect("strings and a number always serialise");
        let sealed = self.keys.seal(|keys| &keys.attempts, &name, plain);
        let mut cookies = self.surplus_logins(request);
        cookies.push(self.attempt_cookie(name, sealed));
        cookies
    }

    /// The attempt that `state` names, if this browser began it. The caller sends
    /// [`Sessions::forget_login`] with whatever it answers: an attempt is used once.
    pub fn take_login(&self, request: &HttpRequest, state: Option<&str>) -> Result<Login, NoLogin> {
        let state = state.ok_or(NoLogin::NoState)?;
        let name = self.names.login(state);
        let cookie = request.cookie(&name).ok_or(NoLogin::NotThisBrowser)?;
        let login = self.open_login(&cookie).ok_or(NoLogin::Forged)?;
        if !bool::from(login.attempt.state.as_bytes().ct_eq(state.as_bytes())) {
            return Err(NoLogin::Forged);
        }
        match self.is_current(&login) {
            true => Ok(login),
            false => Err(NoLogin::Expired {
                return_to: login.return_to,
            }),
        }
    }

    /// The cookie that removes the attempt which `state` names, if the browser sent one.
    pub fn forget_login(&self, request: &HttpRequest, state: &str) -> Option<Cookie<'static>> {
        let name = self.names.login(state);
        request.cookie(&name).map(|_| self.removal(name))
    }

    /// Removals, so that with one more attempt there are no more than [`AT_ONCE`].
    fn surplus_logins(&self, request: &HttpRequest) -> Vec<Cookie<'static>> {
        let Ok(cookies) = request.cookies() else {
            return Vec::new();
        };
        let mut attempts: Vec<(Option<OffsetDateTime>, String)> = cookies
            .iter()
            .filter(|cookie| self.names.is_login(cookie.name()))
            .map(|cookie| {
                let login = self.open_login(cookie);
                let current = login.filter(|login| self.is_current(login));
                let began_at = current.map(|login| login.began_at);
                (began_at, cookie.name().to_owned())
            })
            .collect();
        // What can't be finished any more comes first, then the oldest.
        attempts.sort_unstable();
        let stale = attempts.iter().filter(|(began_at, _)| began_at.is_none());
        let stale = stale.count();
        let current = attempts.len() - stale;
        let surplus = stale + current.saturating_sub(AT_ONCE - 1);
        attempts
            .into_iter()
            .take(surplus)
            .map(|(_, name)| self.removal(name))
            .collect()
    }

    fn open_login(&self, cookie: &Cookie<'_>) -> Option<Login> {
        let (plain, _) = self
            .keys
            .open(|keys| &keys.attempts, cookie.name(), cookie.value())?;
        serde_json::from_slice(&plain).ok()
    }

    fn is_current(&self, login: &Login) -> bool {
        self.clock.now() - login.began_at < LIFETIME
    }

    fn attempt_cookie(&self, name: String, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path(self.cookie_path())
            .http_only(true)
            .secure(self.secure)
            // Lax, or the cookie is lost on the way back from the provider.
            .same_site(SameSite::Lax)
            .max_age(LIFETIME)
            .finish()
    }

    fn removal(&self, name: String) -> Cookie<'static> {
        let mut cookie = self.attempt_cookie(name, String::new());
        cookie.make_removal();
        cookie
    }
}

#[cfg(test)]
mod tests;
