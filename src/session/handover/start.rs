//! The first step: what goes into the URL, and what the browser keeps.

use actix_web::cookie::Cookie;

use super::{AppCookies, HandoverRequest, LIFETIME, PendingHandover, SLOTS, pending_place};
use crate::random;
use crate::session::Sessions;
use crate::session::store::hash;

/// How long a sealed request may be, so that it fits into `return_to`.
pub(super) const REQUEST_LIMIT: usize = 900;

/// How long a target in a cookie may be. Several such cookies would not fit into a header.
const TARGET_LIMIT: usize = 1536;

/// The first step of a handover.
pub struct StartedHandover {
    /// The sealed request, for the URL.
    pub request: String,
    /// The pending handover's cookie, for the app's host.
    pub cookie: Cookie<'static>,
}

impl Sessions {
    /// Starts a handover to `origin`, whose host is `host`, of a browser with `cookies`. `target` is path and query. A handover
    /// that fails is retried once: then `is_retry`.
    pub fn start_handover(
        &self,
        origin: &str,
        host: &str,
        target: &str,
        cookies: &AppCookies<'_>,
        is_retry: bool,
    ) -> StartedHandover {
        let now = self.clock.now();
        let verifier = random::secret();
        let mut request = HandoverRequest {
            origin: origin.to_owned(),
            target: target.to_owned(),
            slot: self.free_slot(host, cookies),
            verifier_hash: hash(&verifier),
            is_retry,
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
