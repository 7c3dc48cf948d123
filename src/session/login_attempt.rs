//! An attempt to sign in, from `/login` to the callback: kept by the browser that began it, sealed,
//! in a cookie of its own, so that tabs do not disturb each other and strangers cost no row.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::oidc::{Attempt, Seed};
use crate::random;
use crate::session::{ReturnTo, Sessions};

/// How long a person has at the provider.
pub(super) const LIFETIME: Duration = Duration::minutes(10);

/// How much the cookies of all attempts may have together, in bytes of the `Cookie` header: the oldest go.
const TOGETHER: usize = 2950;

/// A place to return to that is longer, in bytes, makes its attempt share [`LONG_ATTEMPTS`] with others. No answer can
/// take into account what others set at the same moment, so this is what bounds them.
const SHORT_RETURN_TO: usize = 96;

/// The states, as it were, that name the cookies of those attempts.
const LONG_ATTEMPTS: [&str; 2] = ["0", "1"];

/// How many attempts one answer removes at most: its head must fit a proxy's buffer.
const REMOVALS: usize = 3;

/// What the browser keeps for us while the person is at the provider.
pub struct LoginAttempt {
    /// State, nonce and verifier.
    pub attempt: Attempt,
    /// Where to go afterwards.
    pub return_to: ReturnTo,
    /// When it began, in UTC. To the nanosecond, so that tabs of one moment keep their order.
    began_at: OffsetDateTime,
}

/// A [`LoginAttempt`] as it is sealed, without names: a browser keeps several.
#[derive(Serialize, Deserialize)]
struct Plain(
    Seed,
    ReturnTo,
    #[serde(with = "time::serde::timestamp::nanoseconds")] OffsetDateTime,
);

impl From<LoginAttempt> for Plain {
    fn from(login: LoginAttempt) -> Self {
        Plain(login.attempt.into_seed(), login.return_to, login.began_at)
    }
}

impl From<Plain> for LoginAttempt {
    fn from(Plain(seed, return_to, began_at): Plain) -> Self {
        LoginAttempt {
            attempt: seed.into(),
            return_to,
            began_at,
        }
    }
}

impl LoginAttempt {
    /// What was sealed, if it is an attempt.
    pub(crate) fn read(plain: &[u8]) -> Option<LoginAttempt> {
        let plain: Plain = serde_json::from_slice(plain).ok()?;
        Some(plain.into())
    }
}

/// An attempt's cookie that the browser sent. Those that can't be finished any more come first, then the oldest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    began_at: Option<OffsetDateTime>,
    name: String,
    bytes: usize,
}

/// Why a callback belongs to no attempt. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptError {
    /// The response names no state.
    NoState,
    /// This browser has no attempt of that state: another browser's, one that is used up, or
    /// cookies are off.
    NotThisBrowser,
    /// The cookie was not sealed by us, or not for this state.
    Forged,
    /// It signed somebody in, or was about to.
    Used,
    /// The response came by POST, and another one took its place before it was judged.
    ResponseReplaced,
    /// Ten minutes went by.
    Expired {
        /// Where the person wanted to go.
        return_to: ReturnTo,
    },
}

impl std::fmt::Display for AttemptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            AttemptError::NoState => "the response has no state",
            AttemptError::NotThisBrowser => {
                "this browser has no attempt of that state (used up, another browser, or no cookies)"
            }
            AttemptError::Forged => "the attempt's cookie was not sealed by us for that state",
            AttemptError::Used => "the attempt was used before",
            AttemptError::ResponseReplaced => {
                "the response that came by POST does not wait any more (another tab's took its place, or a minute went by)"
            }
            AttemptError::Expired { .. } => "the attempt is older than ten minutes",
        })
    }
}

impl Sessions {
    /// Remembers an attempt: the cookies to set. The oldest go when they are too much.
    pub fn start_attempt(
        &self,
        request: &HttpRequest,
        attempt: Attempt,
        return_to: ReturnTo,
    ) -> Vec<Cookie<'static>> {
        let kept = self.kept_logins(request);
        let name = match return_to.as_str().len() <= SHORT_RETURN_TO {
            true => self.names.login(&attempt.state),
            false => self.long_login_name(&kept),
        };
        let login = LoginAttempt {
            attempt,
            return_to,
            began_at: self.clock.now(),
        };
        let plain = serde_json::to_vec(&Plain::from(login));
        let plain = plain.expect("strings and a number always serialise");
        let sealed = self.keys.seal(|keys| &keys.attempts, &name, plain);
        let cookie = self.attempt_cookie(name, sealed);
        let mut cookies = self.surplus_logins(kept, &cookie);
        cookies.push(cookie);
        cookies
    }

    /// The attempt that `state` names, if this browser began it. The caller sends
    /// [`Sessions::remove_attempt`] with whatever it answers: an attempt is used once.
    pub fn take_attempt(
        &self,
        request: &HttpRequest,
        state: Option<&str>,
    ) -> Result<LoginAttempt, AttemptError> {
        let state = state.ok_or(AttemptError::NoState)?;
        let (_, login) = self.find_login(request, state)?;
        match self.is_current(&login) {
            true => Ok(login),
            false => Err(AttemptError::Expired {
                return_to: login.return_to,
            }),
        }
    }

    /// The cookie that removes the attempt which `state` names, if the browser sent one.
    pub fn remove_attempt(&self, request: &HttpRequest, state: &str) -> Option<Cookie<'static>> {
        match self.find_login(request, state) {
            Ok((name, _)) => Some(self.removal(name)),
            Err(AttemptError::Forged) => Some(self.removal(self.names.login(state))),
            Err(_) => None,
        }
    }

    /// The attempt with this state, and the name of its cookie.
    fn find_login(
        &self,
        request: &HttpRequest,
        state: &str,
    ) -> Result<(String, LoginAttempt), AttemptError> {
        let opened = |name: &str| {
            let login = self.open_login(&request.cookie(name)?);
            Some(login.filter(|login| random::is_same(&login.attempt.state, state)))
        };
        let long_names = LONG_ATTEMPTS.map(|long| self.names.login(long));
        let own = self.names.login(state);
        // Anybody can make up a state that is called like the long ones.
        if !long_names.contains(&own) {
            match opened(&own) {
                Some(Some(login)) => return Ok((own, login)),
                Some(None) => return Err(AttemptError::Forged),
                None => (),
            }
        }
        long_names
            .into_iter()
            .find_map(|name| Some((opened(&name)??, name)))
            .map(|(login, name)| (name, login))
            .ok_or(AttemptError::NotThisBrowser)
    }

    /// The attempts that the browser sent, those first that it can best do without.
    fn kept_logins(&self, request: &HttpRequest) -> Vec<Kept> {
        let Ok(cookies) = request.cookies() else {
            return Vec::new();
        };
        let attempts = cookies
            .iter()
            .filter(|cookie| self.names.is_login(cookie.name()));
        let mut kept: Vec<Kept> = attempts
            .map(|cookie| {
                let login = self.open_login(cookie);
                let current = login.filter(|login| self.is_current(login));
                Kept {
                    began_at: current.map(|login| login.began_at),
                    name: cookie.name().to_owned(),
                    bytes: header_bytes(cookie),
                }
            })
            .collect();
        kept.sort_unstable();
        kept
    }

    /// The name for an attempt with a long place to return to: one that is free, or the oldest of them.
    fn long_login_name(&self, kept: &[Kept]) -> String {
        let names = LONG_ATTEMPTS.map(|long| self.names.login(long));
        let age = |name: &String| kept.iter().position(|kept| kept.name == *name);
        // `None`, which is free, comes before any age.
        let oldest = names.into_iter().min_by_key(age);
        oldest.expect("there is more than one")
    }

    /// Removals of what leads nowhere any more, and of the oldest until `new` fits in.
    fn surplus_logins(&self, kept: Vec<Kept>, new: &Cookie<'_>) -> Vec<Cookie<'static>> {
        let others: Vec<Kept> = kept
            .into_iter()
            .filter(|kept| kept.name != new.name())
            .collect();
        let mut bytes = header_bytes(new) + others.iter().map(|kept| kept.bytes).sum::<usize>();
        let surplus = others.into_iter().take_while(|kept| {
            let goes = kept.began_at.is_none() || bytes > TOGETHER;
            bytes -= kept.bytes;
            goes
        });
        surplus
            .take(REMOVALS)
            .map(|kept| self.removal(kept.name))
            .collect()
    }

    fn open_login(&self, cookie: &Cookie<'_>) -> Option<LoginAttempt> {
        let (plain, _) = self
            .keys
            .open(|keys| &keys.attempts, cookie.name(), cookie.value())?;
        LoginAttempt::read(&plain)
    }

    fn is_current(&self, login: &LoginAttempt) -> bool {
        self.clock.now() - login.began_at < LIFETIME
    }

    fn attempt_cookie(&self, name: String, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path(self.public_url.cookie_path().to_owned())
            .http_only(true)
            .secure(self.public_url.is_https())
            // Lax, or the cookie is lost on the way back from the provider.
            .same_site(SameSite::Lax)
            .max_age(LIFETIME)
            .finish()
    }

    /// Without the date that browsers of long ago need: there can be several in one answer.
    fn removal(&self, name: String) -> Cookie<'static> {
        let mut cookie = self.attempt_cookie(name, String::new());
        cookie.set_max_age(Duration::ZERO);
        cookie
    }
}

/// How much room a cookie takes in a request.
fn header_bytes(cookie: &Cookie<'_>) -> usize {
    "=; ".len() + cookie.name().len() + cookie.value().len()
}

#[cfg(test)]
mod tests;
