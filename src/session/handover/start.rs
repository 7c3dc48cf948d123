//! The first step: what goes into the URL, and what the browser keeps.

use actix_web::cookie::Cookie;

use super::app_cookies::SHORT_PENDING;
use super::{
    AppCookies, HandoverRequest, LIFETIME, PendingHandover, SLOTS, Start, StepUp, pending_place,
};
use crate::random;
use crate::session::Sessions;
use crate::session::store::hash;

/// How long a sealed request may be, so that it fits into `return_to`.
pub(super) const REQUEST_LIMIT: usize = 900;

/// How long a target in a cookie may be, in bytes, with what JSON adds: browsers keep no cookie above 4 KiB.
const TARGET_LIMIT: usize = 1536;

/// A handover that is to start.
pub struct NewHandover<'a> {
    /// The app's origin.
    pub origin: &'a str,
    /// The origin's host.
    pub host: &'a str,
    /// Path and query of the request that the gateway is asked about. The code goes there and nowhere else: a path that
    /// somebody else names may be one that bypasses the gateway, and nobody would take the code out of use.
    pub target: &'a str,
    /// Whether the request is a POST.
    pub is_post: bool,
    /// Path and query of where the browser goes in the end, if not to `target`.
    pub return_to: Option<&'a str>,
    /// Why it starts.
    pub start: Start,
}

/// The first step of a handover.
pub struct StartedHandover {
    /// The sealed request, for the URL.
    pub request: String,
    /// The pending handover's cookie, for the app's host.
    pub cookie: Cookie<'static>,
}

impl Sessions {
    /// Starts a handover of a browser with `cookies`; nothing if the path is too long for a URL of ours.
    pub fn start_handover(
        &self,
        new: &NewHandover<'_>,
        cookies: &AppCookies<'_>,
    ) -> Option<StartedHandover> {
        let made_at = self.clock.now();
        let verifier = random::secret();
        let verifier_hash = hash(&verifier);
        let path = without_query(new.target);
        // As long for each slot: it is one digit.
        let request = |target: &str, slot| {
            let request = HandoverRequest {
                origin: new.origin.to_owned(),
                target: target.to_owned(),
                is_post: new.is_post,
                slot,
                verifier_hash: verifier_hash.clone(),
                is_retry: new.start == Start::Retry,
                step_up: match new.start {
                    Start::StepUp => StepUp::Needed,
                    Start::SignIn | Start::Retry => StepUp::No,
                },
                made_at,
            };
            self.seal_handover("request", &request)
        };
        let fits = |target: &&str| request(target, 0).len() <= REQUEST_LIMIT;
        let target = [new.target, path].into_iter().find(fits)?;
        let return_to = new
            .return_to
            .or((target != new.target).then_some(new.target));
        let kept = return_to.and_then(|it| {
            let mut shorter = [it, without_query(it)].into_iter();
            let json_adds = |it: &str| it.matches(['"', '\\']).count();
            shorter.find(|it| it.len() + json_adds(it) <= TARGET_LIMIT)
        });
        let pending = PendingHandover {
            verifier,
            target: kept.map(str::to_owned),
            made_at,
        };
        let sealed = |slot| self.seal_handover(&pending_place(new.host, slot), &pending);
        let slot = match cookies.long_slot() {
            Some(long) if sealed(long).len() > SHORT_PENDING => long,
            _ => self.free_slot(new.host, cookies),
        };
        let name = self.app_cookie_names(new.host).pending(slot);
        let mut cookie = self.app_cookie(name, sealed(slot));
        cookie.set_max_age(actix_web::cookie::time::Duration::minutes(10));
        Some(StartedHandover {
            request: request(target, slot),
            cookie,
        })
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
}

fn without_query(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}
