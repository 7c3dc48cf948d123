//! A sign-in attempt, from `/login` to the callback. The browser keeps each one, sealed, in its own cookie: tabs do not
//! disturb each other, and an anonymous visitor costs no row.

mod budget;
mod others;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use budget::LONG_ATTEMPTS;
pub use others::OtherAttempt;

use crate::oidc::{Attempt, Requirement, Seed};
use crate::random;
use crate::session::{ReturnTo, Sessions};

/// How long a person has at the provider.
pub(super) const LIFETIME: Duration = Duration::minutes(10);

/// Attempts with a longer `return_to` and `acr`, in bytes, share the two cookies of [`LONG_ATTEMPTS`]. This limits what concurrent
/// responses, which don't know of each other, set together.
const SHORT_RETURN_TO: usize = 96;

/// What the browser keeps for us while the person is at the provider.
pub struct LoginAttempt {
    /// State, nonce and verifier.
    pub attempt: Attempt,
    /// Where to go afterwards.
    pub return_to: ReturnTo,
    /// What it requires beyond what each sign-in does. It belongs to the session of this browser, if there is one.
    pub step_up: Option<Requirement>,
    /// When it started, in UTC: the earliest that any process may call so, since what the provider ended is compared with it. To
    /// the nanosecond, so that tabs that start together keep their order.
    pub began_at: OffsetDateTime,
}

/// A [`LoginAttempt`] as it is sealed: without field names, since a browser keeps several.
#[derive(Serialize, Deserialize)]
struct Plain(
    Seed,
    ReturnTo,
    #[serde(with = "time::serde::timestamp::nanoseconds")] OffsetDateTime,
    // Left out where there is none, as the previous version does.
    #[serde(default, skip_serializing_if = "Option::is_none")] Option<PlainRequirement>,
);

/// The values of `acr`, and `max_age` in seconds.
type PlainRequirement = (Vec<String>, Option<u64>);

impl From<LoginAttempt> for Plain {
    fn from(login: LoginAttempt) -> Self {
        let plain = |required: Requirement| (required.acr, required.max_age.map(|it| it.as_secs()));
        Plain(
            login.attempt.into_seed(),
            login.return_to,
            login.began_at,
            login.step_up.map(plain),
        )
    }
}

impl From<Plain> for LoginAttempt {
    fn from(Plain(seed, return_to, began_at, step_up): Plain) -> Self {
        let required = |(acr, max_age): PlainRequirement| Requirement {
            acr,
            max_age: max_age.map(std::time::Duration::from_secs),
        };
        LoginAttempt {
            attempt: seed.into(),
            return_to,
            step_up: step_up.map(required),
            began_at,
        }
    }
}

impl LoginAttempt {
    /// Reads what was sealed; `None` if it is not an attempt.
    pub(crate) fn read(plain: &[u8]) -> Option<LoginAttempt> {
        let plain: Plain = serde_json::from_slice(plain).ok()?;
        Some(plain.into())
    }
}

/// Why a callback belongs to no attempt. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptError {
    /// The response has no state.
    NoState,
    /// This browser has no attempt with that state: it was used, belongs to another browser, or cookies are off.
    NotThisBrowser,
    /// The cookie was not sealed by us, or not for this state.
    Forged,
    /// It has signed a person in, or is doing so.
    Used,
    /// Since it began, the provider has signed the person out, or ended its session.
    EndedByProvider,
    /// The response came by POST, and another response replaced it before it was judged.
    ResponseReplaced,
    /// It is older than ten minutes.
    Expired {
        /// Where the person wanted to go.
        return_to: ReturnTo,
        /// What it required.
        step_up: Option<Requirement>,
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
            AttemptError::EndedByProvider => {
                "since the attempt began, the provider has signed the person out"
            }
            AttemptError::ResponseReplaced => {
                "the response that came by POST is gone (another tab replaced it, or a minute passed)"
            }
            AttemptError::Expired { .. } => "the attempt is older than ten minutes",
        })
    }
}

impl Sessions {
    /// Starts an attempt, which requires `step_up` beyond what each does. Returns the cookies to set: its own, and the removals of those for which there is no room left.
    pub fn start_attempt(
        &self,
        request: &HttpRequest,
        attempt: Attempt,
        return_to: ReturnTo,
        step_up: Option<Requirement>,
    ) -> Vec<Cookie<'static>> {
        let kept = self.kept_attempts(request);
        let acr = step_up.iter().flat_map(|step_up| &step_up.acr);
        let bytes = return_to.as_str().len() + acr.map(String::len).sum::<usize>();
        let name = match bytes <= SHORT_RETURN_TO {
            true => self.names.login(&attempt.state),
            false => self.long_attempt_name(&kept),
        };
        let login = LoginAttempt {
            attempt,
            return_to,
            step_up,
            began_at: self.clock.earliest(),
        };
        let plain = serde_json::to_vec(&Plain::from(login));
        let plain = plain.expect("strings and a number always serialise");
        let sealed = self.keys.seal(|keys| &keys.attempts, &name, plain);
        let cookie = self.attempt_cookie(name, sealed);
        let mut cookies = self.surplus_attempts(kept, &cookie);
        cookies.push(cookie);
        cookies
    }

    /// The attempt that `state` names, if this browser started it. The caller adds [`Sessions::remove_attempt`] to every
    /// response, since an attempt is used once.
    pub fn take_attempt(
        &self,
        request: &HttpRequest,
        state: Option<&str>,
    ) -> Result<LoginAttempt, AttemptError> {
        let state = state.ok_or(AttemptError::NoState)?;
        let (_, login) = self.find_attempt(request, state)?;
        match self.is_current(&login) {
            true => Ok(login),
            false => Err(AttemptError::Expired {
                return_to: login.return_to,
                step_up: login.step_up,
            }),
        }
    }

    /// The cookie that removes the attempt which `state` names, if the browser sent one.
    pub fn remove_attempt(&self, request: &HttpRequest, state: &str) -> Option<Cookie<'static>> {
        match self.find_attempt(request, state) {
            Ok((name, _)) => Some(self.removal(name)),
            Err(AttemptError::Forged) => Some(self.removal(self.names.login(state))),
            Err(_) => None,
        }
    }

    /// The attempt with this state, and the name of its cookie.
    fn find_attempt(
        &self,
        request: &HttpRequest,
        state: &str,
    ) -> Result<(String, LoginAttempt), AttemptError> {
        let opened = |name: &str| {
            let login = self.open_attempt(&request.cookie(name)?);
            Some(login.filter(|login| random::is_same(&login.attempt.state, state)))
        };
        let long_names = LONG_ATTEMPTS.map(|long| self.names.login(long));
        let own = self.names.login(state);
        // A forged state may name the cookies of LONG_ATTEMPTS.
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

    fn open_attempt(&self, cookie: &Cookie<'_>) -> Option<LoginAttempt> {
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

    /// Without `Expires`, which only very old browsers need: one response can have several of these.
    fn removal(&self, name: String) -> Cookie<'static> {
        let mut cookie = self.attempt_cookie(name, String::new());
        cookie.set_max_age(Duration::ZERO);
        cookie
    }
}

#[cfg(test)]
mod tests;
