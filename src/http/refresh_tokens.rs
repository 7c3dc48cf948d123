//! What refresh tokens are for: the provider is asked again about somebody who is signed in (OpenID Connect Core 12), and gets
//! the token back when the person has signed out (RFC 7009).
//!
//! Both happen in [`Asking`], on the main thread, and go on when the request is over: a new refresh token must not be lost. A
//! worker's thread ends with its last connection; the main thread waits for what has begun. The request waits a moment for the
//! answer, and is served with what there is if that takes longer.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::{self, System};
use secrecy::SecretString;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::http::asking::{Asking, Job, Task};
use crate::http::shutdown::Shutdown;
use crate::observe::metrics::{self, Recheck};
use crate::observe::request_id::RequestContext;
use crate::session::{CachedSession, Due, Kept, Sessions};

/// How long a request waits for the provider's answer. Usually it takes a fraction of a second.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What uses refresh tokens, for one thread. Clones share it.
#[derive(Clone)]
pub struct RefreshTokens {
    sessions: Arc<Sessions>,
    shutdown: Shutdown,
    jobs: UnboundedSender<Job>,
}

impl RefreshTokens {
    /// `asking` is called on the main thread, where its connections to the provider are.
    pub fn new(
        sessions: Arc<Sessions>,
        shutdown: Shutdown,
        asking: impl FnOnce() -> Asking + Send + 'static,
    ) -> Self {
        let (jobs, received) = unbounded_channel();
        let main = System::current().arbiter().clone();
        main.spawn_fn(move || drop(rt::spawn(asking().work(received))));
        RefreshTokens {
            sessions,
            shutdown,
            jobs,
        }
    }

    /// The session, unless its person has to sign in again. If the provider's word is too old, it is asked.
    pub async fn still_welcome(
        &self,
        key_hash: &str,
        session: Arc<CachedSession>,
    ) -> Option<Arc<CachedSession>> {
        match self.sessions.due(&session) {
            Due::No => Some(session),
            Due::Browser => {
                metrics::rechecked(Recheck::Browser);
                None
            }
            // Boxed, so that requests that need not ask carry no room for it.
            Due::Refresh => {
                let ask = Box::pin(self.ask_within(key_hash.to_owned(), session.clone()));
                ask.await.then_some(session)
            }
        }
    }

    /// Whether the session goes on, as far as is known within [`LONGEST_WAIT`].
    async fn ask_within(&self, key_hash: String, session: Arc<CachedSession>) -> bool {
        let (answer, asking) = oneshot::channel();
        self.begin(Task::Ask(key_hash, session, answer));
        match rt::time::timeout(LONGEST_WAIT, asking).await {
            Ok(Ok(kept)) => kept == Kept::Yes,
            Ok(Err(_)) | Err(_) => true,
        }
    }

    /// Revokes refresh tokens, while nobody waits for it.
    pub fn revoke_later(&self, tokens: impl IntoIterator<Item = SecretString>) {
        for token in tokens {
            self.begin(Task::Revoke(token));
        }
    }

    fn begin(&self, task: Task) {
        // It fails only if the main thread has ended, and the process with it.
        let _ = self.jobs.send(Job {
            task,
            context: RequestContext::current(),
            in_flight: self.shutdown.begin_request(),
        });
    }
}
