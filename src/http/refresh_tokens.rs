//! What refresh tokens are for: the provider is asked again about somebody who is signed in (OpenID Connect Core 12), and gets
//! the token back when the person has signed out (RFC 7009).
//!
//! Whoever finds a session due claims it and asks in a task of its own, which goes on when the request is over: a new refresh
//! token must not be lost. The request waits a moment for the answer, and is served with what there is if that takes longer.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;
use secrecy::SecretString;

use crate::accounts::end::{NOT_WELCOME, REFRESH_REFUSED, Why};
use crate::db;
use crate::http::detached::detached;
use crate::http::revocations::Revocations;
use crate::http::shutdown::Shutdown;
use crate::observe::logging::seldom::Seldom;
use crate::observe::metrics::{self, Recheck};
use crate::oidc::{Former, Http, RefreshError, RelyingParty};
use crate::session::{CachedSession, Due, Kept, RecheckClaim, Sessions};

/// How long a request waits for the provider's answer. Usually it takes a fraction of a second.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

static UNANSWERED: Seldom = Seldom::new();

/// What uses refresh tokens. Clones share it, within one thread.
#[derive(Clone)]
pub struct RefreshTokens {
    /// The protocol.
    pub provider: Arc<RelyingParty>,
    /// The thread's connections to the provider.
    pub http: Http,
    /// The sessions of signed-in people.
    pub sessions: Arc<Sessions>,
    /// Whether the process is stopping: it waits for what has begun.
    pub shutdown: Shutdown,
    /// What gives tokens back.
    pub revocations: Revocations,
}

impl RefreshTokens {
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
        let (this, in_flight) = (self.clone(), self.shutdown.begin_request());
        let asking = detached(async move {
            let _in_flight = in_flight;
            this.ask(&key_hash, &session).await
        });
        match rt::time::timeout(LONGEST_WAIT, asking).await {
            Ok(Ok(kept)) => kept == Kept::Yes,
            Ok(Err(_)) | Err(_) => true,
        }
    }

    async fn ask(&self, key_hash: &str, session: &CachedSession) -> Kept {
        let Some(claim) = self.sessions.claim_recheck(key_hash, session).await else {
            // Another process asks.
            return Kept::Yes;
        };
        let Some(refresh_token) = claim.refresh_token() else {
            return Kept::Yes;
        };
        let subject = &session.user.subject;
        let refreshed = match self.provider.refresh(&self.http, refresh_token).await {
            Ok(refreshed) => refreshed,
            Err(cause) => return self.not_welcomed(claim, cause, None, subject).await,
        };
        let former = Former {
            id_token: claim.id_token(),
            subject,
            issued_at: claim.issued_at(),
        };
        let verified = self
            .provider
            .verify_refreshed(&self.http, &refreshed, &former);
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
        let (why, reason, outcome) = match &cause {
            RefreshError::NotWelcome(_) => (Why::NotWelcome, NOT_WELCOME, Recheck::NotWelcome),
            RefreshError::Token(_) => (
                Why::RefreshRefused,
                REFRESH_REFUSED,
                Recheck::RefreshRefused,
            ),
            RefreshError::Unanswered(error) => {
                if let Some(count) = UNANSWERED.due() {
                    log::warn!(
                        "the provider was asked again about somebody who is signed in and does not say: {cause}; sessions \
                         go on for SESSION_RECHECK_GRACE ({count} since the last such line; there is one a minute at most)"
                    );
                }
                let retry_after_secs = error.retry_after_secs();
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
        if let Ok(Kept::Ended) = &kept {
            metrics::sessions_revoked(reason, 1);
        }
        let kept = self.concluded(kept, outcome, new);
        // The provider has said no: a session that could not be ended opens nothing to this request.
        match kept {
            Kept::Yes => Kept::Ended,
            kept => kept,
        }
    }

    /// Counts what came of it. A new refresh token of a session that has ended meanwhile goes back.
    fn concluded(
        &self,
        kept: Result<Kept, db::Error>,
        outcome: Recheck,
        new: Option<SecretString>,
    ) -> Kept {
        match kept {
            Ok(Kept::Gone) => {
                metrics::rechecked(Recheck::Gone);
                self.revoke_later(new);
                Kept::Gone
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

    /// Revokes refresh tokens, while nobody waits for it.
    pub fn revoke_later(&self, tokens: impl IntoIterator<Item = SecretString>) {
        self.revocations.begin(tokens);
    }
}
