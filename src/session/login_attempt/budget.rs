//! Limits the room that the attempts of one browser take: proxies refuse requests whose `Cookie` header is too long.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use time::OffsetDateTime;

use crate::session::Sessions;

/// The most that the cookies of all attempts may take together, in bytes of the `Cookie` header. Beyond it the oldest are
/// removed.
pub(super) const TOGETHER: usize = 2950;

/// Takes the place of the state in the names of the two cookies for attempts with a long `return_to`.
pub(super) const LONG_ATTEMPTS: [&str; 2] = ["0", "1"];

/// How many attempts one response removes at most: its head must fit a proxy's buffer.
pub(super) const REMOVALS: usize = 3;

/// An attempt's cookie that the browser sent. In order: those that can't be finished any more, then from old to new.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    began_at: Option<OffsetDateTime>,
    name: String,
    bytes: usize,
}

impl Sessions {
    /// The attempts that the browser sent, in the order in which they are removed.
    pub(super) fn kept_attempts(&self, request: &HttpRequest) -> Vec<Kept> {
        let Ok(cookies) = request.cookies() else {
            return Vec::new();
        };
        let attempts = cookies
            .iter()
            .filter(|cookie| self.names.is_login(cookie.name()));
        let mut kept: Vec<Kept> = attempts
            .map(|cookie| {
                let login = self.open_attempt(cookie);
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

    /// The name for an attempt with a long `return_to`: a free one, or that of the oldest.
    pub(super) fn long_attempt_name(&self, kept: &[Kept]) -> String {
        let names = LONG_ATTEMPTS.map(|long| self.names.login(long));
        let age = |name: &String| kept.iter().position(|kept| kept.name == *name);
        // `None`, which is free, comes before any age.
        let oldest = names.into_iter().min_by_key(age);
        oldest.expect("there is more than one")
    }

    /// Removes attempts that can't be finished any more, then the oldest until `new` fits.
    pub(super) fn surplus_attempts(
        &self,
        kept: Vec<Kept>,
        new: &Cookie<'_>,
    ) -> Vec<Cookie<'static>> {
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
}

/// How much room a cookie takes in a request.
pub(super) fn header_bytes(cookie: &Cookie<'_>) -> usize {
    "=; ".len() + cookie.name().len() + cookie.value().len()
}
