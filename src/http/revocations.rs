//! Refresh tokens go back to the provider (RFC 7009), each once, while nobody waits for it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt;
use secrecy::SecretString;

use crate::http::shutdown::{InFlight, Shutdown};
use crate::observe::logging::seldom::Seldom;
use crate::observe::metrics;
use crate::oidc::{Http, RelyingParty};

/// How many tokens are revoked at once for one thread: somebody may end hundreds of sessions, and the provider has other things to do.
const AT_ONCE: usize = 8;

/// How many tokens of one thread may wait for that. Further ones are not revoked.
const ROOM: usize = 1000;

/// For how long a token may wait. At a provider that hangs, hundreds of them would keep the process from stopping.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

static NOT_REVOKED: Seldom = Seldom::new();

/// What revokes the tokens that one thread sends. Clones share it, within the main thread.
#[derive(Clone)]
pub struct Revocations {
    provider: Arc<RelyingParty>,
    http: Http,
    shutdown: Shutdown,
    queue: Rc<RefCell<Queue>>,
}

impl Revocations {
    /// Revokes at `provider`.
    pub fn new(provider: Arc<RelyingParty>, http: Http, shutdown: Shutdown) -> Self {
        Revocations {
            provider,
            http,
            shutdown,
            queue: Rc::default(),
        }
    }

    /// Revokes these soon.
    pub fn begin(&self, tokens: impl IntoIterator<Item = SecretString>) {
        let now = Instant::now();
        for token in tokens {
            match self.queue.borrow_mut().add(token, now) {
                Added::ForNewWorker => {
                    let in_flight = self.shutdown.begin_request();
                    drop(rt::spawn(self.clone().work(in_flight)));
                }
                Added::Waits => (),
                Added::NoRoom => not_revoked(&"too many others wait"),
            }
        }
    }

    async fn work(self, _in_flight: InFlight) {
        loop {
            let next = self.queue.borrow_mut().next(Instant::now());
            match next {
                Next::Token(token) => self.revoke(&token).await,
                Next::TooLate => {
                    not_revoked(&"it waited for too long, since others took their time")
                }
                Next::None => break,
            }
        }
    }

    async fn revoke(&self, token: &SecretString) {
        match self.provider.revoke(&self.http, token).await {
            Ok(true) => metrics::token_revoked(true),
            Ok(false) => (),
            Err(cause) => not_revoked(&cause),
        }
    }
}

/// Tokens that are to be revoked, first come, first served.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<(SecretString, Instant)>,
    workers: usize,
}

/// What became of a token that came.
#[derive(Debug, PartialEq)]
enum Added {
    /// A worker has to be started.
    ForNewWorker,
    /// There are enough workers.
    Waits,
    /// Too many are waiting: it is forgotten.
    NoRoom,
}

/// What a worker has to do.
enum Next {
    Token(SecretString),
    /// A token is forgotten.
    TooLate,
    /// The worker ends.
    None,
}

impl Queue {
    fn add(&mut self, token: SecretString, now: Instant) -> Added {
        if self.waiting.len() >= ROOM {
            return Added::NoRoom;
        }
        self.waiting.push_back((token, now));
        if self.workers >= AT_ONCE {
            return Added::Waits;
        }
        self.workers += 1;
        Added::ForNewWorker
    }

    fn next(&mut self, now: Instant) -> Next {
        match self.waiting.pop_front() {
            Some((_, since)) if now.duration_since(since) > LONGEST_WAIT => Next::TooLate,
            Some((token, _)) => Next::Token(token),
            None => {
                self.workers -= 1;
                Next::None
            }
        }
    }
}

fn not_revoked(cause: &dyn fmt::Display) {
    metrics::token_revoked(false);
    if let Some(count) = NOT_REVOKED.due() {
        log::warn!(
            "a refresh token was not revoked: {cause} ({count} since the last such line; there is one a minute at most)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn next(queue: &mut Queue, now: Instant) -> String {
        match queue.next(now) {
            Next::Token(token) => token.expose_secret().to_owned(),
            Next::TooLate => "too late".to_owned(),
            Next::None => "none".to_owned(),
        }
    }

    #[test]
    fn some_are_revoked_at_once_others_wait_and_further_ones_are_forgotten() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let mut add = |nth: usize| queue.add(nth.to_string().into(), now);
        let added: Vec<Added> = (0..=ROOM).map(&mut add).collect();
        let started = added.iter().filter(|it| **it == Added::ForNewWorker);
        assert_eq!(started.count(), AT_ONCE);
        assert_eq!(
            (&added[ROOM - 1], &added[ROOM]),
            (&Added::Waits, &Added::NoRoom)
        );
        for nth in 0..ROOM {
            assert_eq!(next(&mut queue, now), nth.to_string());
        }
        // A worker that ended makes room for another one.
        assert_eq!(next(&mut queue, now), "none");
        assert_eq!(queue.add("a".into(), now), Added::ForNewWorker);
        assert_eq!(queue.add("b".into(), now), Added::Waits);
    }

    #[test]
    fn a_token_that_waited_for_too_long_is_forgotten() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for token in ["a", "b", "c"] {
            queue.add(token.into(), now);
        }
        assert_eq!(next(&mut queue, now + LONGEST_WAIT), "a");
        let later = now + LONGEST_WAIT + Duration::from_millis(1);
        assert_eq!(next(&mut queue, later), "too late");
        queue.add("d".into(), later);
        assert_eq!(next(&mut queue, later), "too late");
        assert_eq!(next(&mut queue, later), "d");
    }
}
