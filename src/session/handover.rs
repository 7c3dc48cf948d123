//! The handover of a signed-in browser from `PUBLIC_URL` to an app's host, which other cookies than ours can't reach.
//!
//! 1. The gateway makes a [`HandoverRequest`], which goes to `PUBLIC_URL/handover` in a URL, and a pending handover, which
//!    the browser keeps in a cookie of the app's host.
//! 2. `/handover` makes a code for the session of that browser, which goes back to the app's host in a URL.
//! 3. The gateway compares code and cookie, and makes the cookie of the app's session. A code without its browser's cookie
//!    opens nothing, and one that was made for another browser does not either, since each code arrives once.
//!
//! All of them are sealed, each for its own place, so that none passes for another and no row is written before step 3.

mod app_cookies;
#[cfg(test)]
mod tests;

use actix_web::cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::Sessions;
use super::store::hash;
use crate::db::{self, Kind, SingleUse};
use crate::random;
pub use app_cookies::AppCookies;

/// How many handovers a browser has under way on one host: tabs.
const SLOTS: usize = 5;

/// How long a person may take to sign in meanwhile.
const LIFETIME: Duration = Duration::minutes(10);

/// How long a code is on its way.
const CODE_LIFETIME: Duration = Duration::MINUTE;

/// For how long the use of a code is kept: beyond its own lifetime, since the clocks of the processes differ.
const CODE_KEPT: Duration = LIFETIME;

/// How long a sealed request may be, so that it fits into `return_to`.
const REQUEST_LIMIT: usize = 900;

/// How long a target in a cookie may be. Several such cookies would not fit into a header.
const TARGET_LIMIT: usize = 1536;

/// Where a browser wants to go, at an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverRequest {
    /// The app's origin.
    #[serde(rename = "o")]
    pub origin: String,
    /// Path and query; without the query where they would be too long.
    #[serde(rename = "t")]
    pub target: String,
    #[serde(rename = "s")]
    slot: usize,
    #[serde(rename = "h")]
    verifier_hash: String,
    #[serde(rename = "a", with = "time::serde::timestamp")]
    made_at: OffsetDateTime,
}

/// What the browser keeps meanwhile.
#[derive(Serialize, Deserialize)]
struct PendingHandover {
    #[serde(rename = "v")]
    verifier: String,
    /// Path and query, where they are too long for the request.
    #[serde(rename = "t", skip_serializing_if = "Option::is_none", default)]
    target: Option<String>,
    #[serde(rename = "a", with = "time::serde::timestamp")]
    made_at: OffsetDateTime,
}

/// What brings a session to the app's host.
#[derive(Serialize, Deserialize)]
struct HandoverCode {
    #[serde(rename = "k")]
    key_hash: String,
    #[serde(rename = "s")]
    slot: usize,
    #[serde(rename = "h")]
    verifier_hash: String,
    #[serde(rename = "a", with = "time::serde::timestamp")]
    made_at: OffsetDateTime,
}

/// The first step of a handover.
pub struct StartedHandover {
    /// The sealed request, for the URL.
    pub request: String,
    /// The pending handover's cookie, for the app's host.
    pub cookie: Cookie<'static>,
}

/// The last step of a handover.
pub struct Arrived {
    /// Finds the session.
    pub key_hash: String,
    /// The cookie of the app's session.
    pub cookie: Cookie<'static>,
    /// Path and query, if the browser kept them.
    pub target: Option<String>,
}

/// Why a handover failed.
#[derive(Debug)]
pub enum HandoverError {
    /// It is not sealed by us, or not for this place.
    Forged,
    /// It is too old. Of a request, this one.
    Expired(Option<HandoverRequest>),
    /// The code has arrived before.
    Used,
    /// This browser has no cookie that fits the code.
    OtherBrowser,
    /// The database could not be asked.
    Database(db::Error),
}

impl Sessions {
    /// Starts a handover to `origin`, whose host is `host`, of a browser with `cookies`. `target` is path and query.
    pub fn start_handover(
        &self,
        origin: &str,
        host: &str,
        target: &str,
        cookies: &AppCookies<'_>,
    ) -> StartedHandover {
        let now = self.clock.now();
        let verifier = random::secret();
        let mut request = HandoverRequest {
            origin: origin.to_owned(),
            target: target.to_owned(),
            slot: self.free_slot(host, cookies),
            verifier_hash: hash(&verifier),
            made_at: now,
        };
        let mut sealed = self.seal_handover("request", &request);
        let mut kept_target = None;
        if sealed.len() > REQUEST_LIMIT {
            let path = target.split('?').next().unwrap_or_default();
            kept_target = [target, path]
                .into_iter()
                .find(|it| it.len() <= TARGET_LIMIT);
            request.target = path.to_owned();
            sealed = self.seal_handover("request", &request);
        }
        if sealed.len() > REQUEST_LIMIT {
            request.target = "/".to_owned();
            sealed = self.seal_handover("request", &request);
        }
        if kept_target.is_some() {
            // One at a time.
            request.slot = cookies.long_slot().unwrap_or(request.slot);
            sealed = self.seal_handover("request", &request);
        }
        let pending = PendingHandover {
            verifier,
            target: kept_target.map(str::to_owned),
            made_at: now,
        };
        let place = pending_place(host, request.slot);
        let name = self.app_cookie_names(host).pending(request.slot);
        let value = self.seal_handover(&place, &pending);
        let mut cookie = self.app_cookie(name, value);
        cookie.set_max_age(actix_web::cookie::time::Duration::minutes(10));
        StartedHandover {
            request: sealed,
            cookie,
        }
    }

    /// Opens what [`Sessions::start_handover`] sealed.
    ///
    /// # Errors
    /// [`HandoverError::Forged`] or [`HandoverError::Expired`].
    pub fn open_handover_request(&self, sealed: &str) -> Result<HandoverRequest, HandoverError> {
        let request: HandoverRequest = self
            .open_handover("request", sealed)
            .ok_or(HandoverError::Forged)?;
        match self.is_recent(request.made_at, LIFETIME) {
            true => Ok(request),
            false => Err(HandoverError::Expired(Some(request))),
        }
    }

    /// A code for `request` that brings the session with this key hash to `host`, the host of the request's origin.
    pub fn handover_code(&self, request: &HandoverRequest, host: &str, key_hash: &str) -> String {
        let code = HandoverCode {
            key_hash: key_hash.to_owned(),
            slot: request.slot,
            verifier_hash: request.verifier_hash.clone(),
            made_at: self.clock.now(),
        };
        self.seal_handover(&code_place(host), &code)
    }

    /// Finishes a handover: the code arrives at `host`, from a browser with `cookies`. Whether the session is still there is
    /// for the caller to find out.
    ///
    /// # Errors
    /// The code opens nothing.
    pub async fn finish_handover(
        &self,
        host: &str,
        sealed: &str,
        cookies: &AppCookies<'_>,
    ) -> Result<Arrived, HandoverError> {
        let code: HandoverCode = self
            .open_handover(&code_place(host), sealed)
            .ok_or(HandoverError::Forged)?;
        if !self.is_recent(code.made_at, CODE_LIFETIME) {
            return Err(HandoverError::Expired(None));
        }
        // Whether it fits or not: who has read it elsewhere can't use it afterwards.
        let used = SingleUse::new(Kind::HandoverCode, sealed, self.clock.now() + CODE_KEPT);
        let create = self.db.run(move |connection| used.create(connection));
        if !create.await.map_err(HandoverError::Database)? {
            return Err(HandoverError::Used);
        }
        let pending = cookies.pending.get(code.slot).copied().flatten();
        let pending = pending.and_then(|sealed| self.pending_handover(host, code.slot, sealed));
        let pending = pending.filter(|pending| {
            self.is_recent(pending.made_at, LIFETIME)
                && random::is_same(&hash(&pending.verifier), &code.verifier_hash)
        });
        let pending = pending.ok_or(HandoverError::OtherBrowser)?;
        let name = self.app_cookie_names(host).session();
        let value = self.keys.seal(
            |keys| &keys.handovers,
            &session_place(host),
            code.key_hash.clone().into_bytes(),
        );
        Ok(Arrived {
            key_hash: code.key_hash,
            cookie: self.app_cookie(name, value),
            target: pending.target,
        })
    }

    /// The key hash of the session that a browser has at `host`; nothing if the cookie is not ours.
    pub fn app_session(&self, host: &str, cookies: &AppCookies<'_>) -> Option<String> {
        let opened = self.keys.open(
            |keys| &keys.handovers,
            &session_place(host),
            cookies.session?,
        );
        String::from_utf8(opened?.0).ok()
    }

    /// The cookies of a request to `host`, which are not [`OwnCookies`](super::OwnCookies).
    pub fn app_cookies<'a>(
        &self,
        host: &str,
        headers: &'a actix_web::http::header::HeaderMap,
    ) -> AppCookies<'a> {
        AppCookies::read(headers, &self.app_cookie_names(host))
    }

    /// An unused one, or that of the oldest handover.
    fn free_slot(&self, host: &str, cookies: &AppCookies<'_>) -> usize {
        let age = |slot: &usize| {
            let sealed = cookies.pending[*slot]?;
            let pending = self.pending_handover(host, *slot, sealed)?;
            self.is_recent(pending.made_at, LIFETIME)
                .then_some(pending.made_at)
        };
        (0..SLOTS).min_by_key(age).unwrap_or_default()
    }

    fn pending_handover(&self, host: &str, slot: usize, sealed: &str) -> Option<PendingHandover> {
        self.open_handover(&pending_place(host, slot), sealed)
    }

    fn is_recent(&self, made_at: OffsetDateTime, lifetime: Duration) -> bool {
        let age = self.clock.now() - made_at;
        (-Duration::MINUTE..=lifetime).contains(&age)
    }

    fn seal_handover(&self, place: &str, value: &impl Serialize) -> String {
        let plain = serde_json::to_vec(value).expect("strings and numbers always serialise");
        self.keys.seal(|keys| &keys.handovers, place, plain)
    }

    fn open_handover<T: serde::de::DeserializeOwned>(
        &self,
        place: &str,
        sealed: &str,
    ) -> Option<T> {
        let (plain, _) = self.keys.open(|keys| &keys.handovers, place, sealed)?;
        serde_json::from_slice(&plain).ok()
    }

    fn app_cookie_names<'h>(&self, host: &'h str) -> app_cookies::Names<'h> {
        app_cookies::Names::of(self.public_url.is_https(), host)
    }

    fn app_cookie(&self, name: String, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path("/")
            .http_only(true)
            .secure(self.public_url.is_https())
            .same_site(SameSite::Lax)
            .finish()
    }
}

fn pending_place(host: &str, slot: usize) -> String {
    format!("pending:{host}:{slot}")
}

fn code_place(host: &str) -> String {
    format!("code:{host}")
}

fn session_place(host: &str) -> String {
    format!("app:{host}")
}
