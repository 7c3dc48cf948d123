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
mod app_session;
mod finish;
mod probe;
mod refused_visit;
mod start;
mod step_up;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::Sessions;
use super::cache::CachedSession;
use super::key_ring::KeyRing;
use crate::db;
pub use app_cookies::AppCookies;
pub use finish::{CodeFault, HandoverError};
pub use probe::{PROBE, Prober};
pub use refused_visit::RefusedVisit;
pub use start::{NewHandover, StartedHandover};
pub use step_up::{Start, StepUp};

/// How many handovers a browser has under way on one host: tabs.
const SLOTS: usize = 5;

/// How long a person may take to sign in meanwhile.
const LIFETIME: Duration = Duration::minutes(10);

/// How long a code is on its way.
const CODE_LIFETIME: Duration = Duration::MINUTE;

/// Where a browser wants to go, at an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverRequest {
    /// The app's origin.
    #[serde(rename = "o")]
    pub origin: String,
    /// Path and query of a request that the gateway was asked about; without the query where they would be too long.
    #[serde(rename = "t")]
    pub target: String,
    /// Whether that was a POST. The browser comes back by GET.
    #[serde(rename = "p")]
    pub is_post: bool,
    #[serde(rename = "s")]
    slot: usize,
    #[serde(rename = "h")]
    verifier_hash: String,
    /// Whether it follows a handover that failed: then no other follows.
    #[serde(rename = "r")]
    is_retry: bool,
    /// Whether it is for a stronger sign-in.
    #[serde(rename = "u", default, skip_serializing_if = "StepUp::is_no")]
    pub step_up: StepUp,
    #[serde(rename = "a", with = "time::serde::timestamp")]
    made_at: OffsetDateTime,
}

/// What the browser keeps meanwhile.
#[derive(Serialize, Deserialize)]
struct PendingHandover {
    #[serde(rename = "v")]
    verifier: String,
    /// Path and query of where it goes in the end, if that is not the request's target.
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
    #[serde(rename = "r")]
    is_retry: bool,
    /// Whether the handover is for a stronger sign-in.
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    is_step_up: bool,
    #[serde(rename = "a", with = "time::serde::timestamp")]
    made_at: OffsetDateTime,
}

impl Sessions {
    /// Opens what [`Sessions::start_handover`] sealed.
    ///
    /// # Errors
    /// [`HandoverError::Forged`] or [`HandoverError::RequestExpired`].
    pub fn open_handover_request(&self, sealed: &str) -> Result<HandoverRequest, HandoverError> {
        let request: HandoverRequest = self
            .open_handover("request", sealed)
            .ok_or(HandoverError::Forged)?;
        match self.is_recent(request.made_at, LIFETIME) {
            true => Ok(request),
            false => Err(HandoverError::RequestExpired(request)),
        }
    }

    /// A code for `wanted` that brings the session of this browser to `host`, the host of the wanted origin; nothing if the
    /// browser sent no session cookie.
    pub fn handover_code(
        &self,
        request: &HttpRequest,
        wanted: &HandoverRequest,
        host: &str,
    ) -> Option<String> {
        Some(self.code_for(wanted, host, self.key_hash(request)?))
    }

    /// The code of the session with this key hash.
    pub(crate) fn code_for(
        &self,
        wanted: &HandoverRequest,
        host: &str,
        key_hash: String,
    ) -> String {
        let code = HandoverCode {
            key_hash,
            slot: wanted.slot,
            verifier_hash: wanted.verifier_hash.clone(),
            is_retry: wanted.is_retry,
            is_step_up: !wanted.step_up.is_no(),
            made_at: self.clock.now(),
        };
        self.seal_handover(&code_place(host), &code)
    }

    /// The session with this key hash, of a browser that is at an app, unless it has ended.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn app_visit(&self, key_hash: &str) -> Result<Option<Arc<CachedSession>>, db::Error> {
        let found = self.load_used(key_hash).await?;
        Ok(found.map(|(session, _)| session))
    }

    /// The time now, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// The cookies of a request to `host`, which are not [`OwnCookies`](super::OwnCookies).
    pub fn app_cookies<'a>(
        &self,
        host: &str,
        headers: &'a actix_web::http::header::HeaderMap,
    ) -> AppCookies<'a> {
        AppCookies::read(headers, &self.app_cookie_names(host))
    }

    fn pending_handover(&self, host: &str, slot: usize, sealed: &str) -> Option<PendingHandover> {
        self.open_handover(&pending_place(host, slot), sealed)
    }

    fn is_recent(&self, made_at: OffsetDateTime, lifetime: Duration) -> bool {
        let age = self.clock.now() - made_at;
        (-Duration::MINUTE..=lifetime).contains(&age)
    }

    fn seal_handover(&self, place: &str, value: &impl Serialize) -> String {
        seal(&self.keys, place, value)
    }

    fn open_handover<T: serde::de::DeserializeOwned>(
        &self,
        place: &str,
        sealed: &str,
    ) -> Option<T> {
        open(&self.keys, place, sealed)
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

fn seal(keys: &KeyRing, place: &str, value: &impl Serialize) -> String {
    let plain = serde_json::to_vec(value).expect("strings and numbers always serialise");
    keys.seal(|keys| &keys.handovers, place, plain)
}

fn open<T: serde::de::DeserializeOwned>(keys: &KeyRing, place: &str, sealed: &str) -> Option<T> {
    let (plain, _) = keys.open(|keys| &keys.handovers, place, sealed)?;
    serde_json::from_slice(&plain).ok()
}

fn pending_place(host: &str, slot: usize) -> String {
    format!("pending:{host}:{slot}")
}

fn code_place(host: &str) -> String {
    format!("code:{host}")
}
