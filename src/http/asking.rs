//! The main thread's part of what is done with refresh tokens: asking, recording what came of it, giving tokens back.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;
use secrecy::SecretString;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::accounts::end::{NOT_WELCOME, REFRESH_REFUSED, Why};
use crate::db;
use crate::http::revocations::Revocations;
use crate::http::shutdown::{InFlight, Shutdown};
use crate::observe::logging::seldom::Seldom;
use crate::observe::metrics::{self, Recheck};
use crate::observe::request_id::RequestContext;
use crate::oidc::{Former, Http, RefreshError, RelyingParty, TIME_LIMIT};
use crate::session::{CachedSession, Kept, RECHECK_CLAIM, RecheckClaim, Sessions};

static UNANSWERED: Seldom = Seldom::new();

/// How long after a claim began its refresh token may be sent.
const SENT_WITHIN: Duration = Duration::from_secs(10);

/// How long after a claim began the ID token is verified. A new refresh token is kept if that takes longer.
const JUDGED_WITHIN: Duration = Duration::from_secs(25);

// The rest of the claim is for recording the answer.
const _: () = assert!(
    SENT_WITHIN.as_secs() + TIME_LIMIT.as_secs() < JUDGED_WITHIN.as_secs()
        && JUDGED_WITHIN.as_secs() < RECHECK_CLAIM.as_secs()
);

/// What the main thread has to do. The process waits for it when it stops.
pub struct Job {
    /// What it is.
    pub task: Task,
    /// The request that it belongs to.
    pub context: Option<RequestContext>,
    /// Dropped when it is done.
    pub in_flight: InFlight,
}

/// What is done with a refresh token.
pub enum Task {
    /// The provider is asked about the session with this key hash. What became of it goes to whoever still waits.
    Ask(String, Arc<CachedSession>, oneshot::Sender<Kept>),
    /// It goes back.
    Revoke(SecretString),
}

/// Whoever finds a session due claims it and asks. Clones share the connections, within the main thread.
#[derive(Clone)]
pub struct Asking {
    provider: Arc<RelyingParty>,
    http: Http,
    sessions: Arc<Sessions>,
    revocations: Revocations,
}

impl Asking {
    /// Asks `provider` about `sessions`.
    pub fn new(
        provider: Arc<RelyingParty>,
        http: Http,
        sessions: Arc<Sessions>,
        shutdown: Shutdown,
    ) -> Self {
        Asking {
            revocations: Revocations::new(provider.clone(), http.clone(), shutdown),
            provider,
            http,
            sessions,
        }
    }

    /// Begins what comes, until the thread that sends it has ended.
    pub async fn work(self, mut jobs: UnboundedReceiver<Job>) {
        while let Some(job) = jobs.recv().await {
            match job.task {
                Task::Revoke(token) => self.revocations.begin([token]),
                Task::Ask(key_hash, session, answer) => {
                    let (this, in_flight) = (self.clone(), job.in_flight);
                    let asking = async move {
                        // Nobody may be waiting any more.
                        let _ = answer.send(this.ask(&key_hash, &session).await);
                        drop(in_flight);
                    };
                    match job.context {
                        Some(context) => drop(rt::spawn(context.scope(asking))),
                        None => drop(rt::spawn(asking)),
                    }
                }
            }
        }
    }

    async fn ask(&self, key_hash: &str, session: &CachedSession) -> Kept {
        let began = Instant::now();
        let Some(claim) = self.sessions.claim_recheck(key_hash, session).await else {
            // Another process asks.
            return Kept::Yes;
        };
        let Some(refresh_token) = claim.refresh_token() else {
            return Kept::Yes;
        };
        let subject = &session.user.subject;
        let send_by = began + SENT_WITHIN;
        let refreshed = self.provider.refresh(&self.http, refresh_token, send_by);
        let refreshed = match refreshed.await {
            Ok(refreshed) => refreshed,
            Err(cause) => return self.not_welcomed(claim, cause, None, subject).await,
        };
        let former = Former {
            id_token: claim.id_token(),
            subject,
            issued_at: claim.issued_at(),
        };
        let judge_by = began + JUDGED_WITHIN;
        let verified = self
            .provider
            .verify_refreshed(&self.http, &refreshed, &former, judge_by);
        let new = refreshed.refresh_token.clone();
        match verified.await {
            Ok(renewed) => {
                let (issued_at, session_expiry) = match renewed {
                    Some(renewed) => (Some(renewed.issued_at), renewed.session_expiry),
                    None => (None, None),
                };
                let kept = self
                    .sessions
                    .welcome(claim, new.clone(), issued_at, session_expiry);
                let kept = kept.await;
                self.concluded(kept, Recheck::Welcome, new)
            }
            Err(cause) => self.not_welcomed(claim, cause, new, subject).await,
        }
    }

    async fn not_welcomed(
        &self,
        claim: RecheckClaim,
        cause: RefreshError,
        new: Option<SecretString>,
        subject: &str,
    ) -> Kept {
        let (why, revoked_because, outcome) = match &cause {
            RefreshError::NotWelcome(_) => {
                (Why::NotWelcome, Some(NOT_WELCOME), Recheck::NotWelcome)
            }
            RefreshError::Token(_) => (
                Why::RefreshRefused,
                Some(REFRESH_REFUSED),
                Recheck::RefreshRefused,
            ),
            // The session expires: nobody revokes it.
            RefreshError::SessionOver => (Why::ProviderSessionOver, None, Recheck::SessionOver),
            RefreshError::Unanswered(_) | RefreshError::TooSlow => {
                if let Some(count) = UNANSWERED.due() {
                    log::warn!(
                        "the provider was asked again about somebody who is signed in and does not say: {cause}; sessions \
                         go on for SESSION_RECHECK_GRACE ({count} since the last such line; there is one a minute at most)"
                    );
                }
                let retry_after_secs = cause.retry_after_secs();
                let kept = self
                    .sessions
                    .unanswered(claim, new.clone(), retry_after_secs);
                let kept = kept.await;
                let outcome = match &kept {
                    Ok(Kept::Ended) => Recheck::Overdue,
                    _ => Recheck::Unanswered,
                };
                return self.concluded(kept, outcome, new);
            }
        };
        log::warn!("the session of {subject:?} ends, since the provider was asked again: {cause}");
        let kept = self.sessions.end_claimed(claim, why).await;
        if let (Ok(Kept::Ended), Some(reason)) = (&kept, revoked_because) {
            metrics::sessions_revoked(reason, 1);
        }
        let kept = self.concluded(kept, outcome, new);
        // The provider has said no: a session that could not be ended opens nothing to this request.
        match kept {
            Kept::Yes => Kept::Ended,
            kept => kept,
        }
    }

    /// Counts what came of it. A new refresh token of a session that has ended meanwhile goes back. Where the session goes on
    /// otherwise it is forgotten: many providers would revoke the token of that one, too.
    fn concluded(
        &self,
        kept: Result<Kept, db::Error>,
        outcome: Recheck,
        new: Option<SecretString>,
    ) -> Kept {
        match kept {
            Ok(Kept::Gone) => {
                metrics::rechecked(Recheck::Gone);
                self.revocations.begin(new);
                Kept::Gone
            }
            Ok(Kept::Replaced) => {
                metrics::rechecked(Recheck::Gone);
                Kept::Replaced
            }
            Ok(kept) => {
                metrics::rechecked(outcome);
                kept
            }
            Err(cause) => {
                metrics::rechecked(Recheck::NotRecorded);
                log::error!(
                    "what the provider said about a session could not be recorded: {cause}"
                );
                Kept::Yes
            }
        }
    }
}
