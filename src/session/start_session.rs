//! A session starts with its person and its audit event, or not at all.

use actix_web::HttpRequest;
use time::OffsetDateTime;

use super::authentication::Authentication;
use super::carrier::{self, CarrierError};
use super::login_attempt::OtherAttempt;
use super::origin::Origin;
use super::store::hash;
use super::stored::Stored;
use super::{AttemptError, Sessions, SignedIn};
use crate::accounts::sign_in::{Begun, Former, Other, SignIn, SignInOutcome, sign_in};
use crate::db::{self, LiveSince, NewSession, NewUser, SingleUse, User};

/// Why no person was signed in.
#[derive(Debug)]
pub enum SignInError {
    /// The person is blocked.
    Blocked {
        /// Their id.
        user_id: String,
    },
    /// A step-up was of another person than the session of this browser.
    SomebodyElse,
    /// The attempt can't be used.
    Attempt(AttemptError),
    /// The database failed.
    Database(db::Error),
    /// The session's cookie can't be set.
    Carrier(CarrierError),
}

/// The attempt that a sign-in finishes.
pub struct FinishedAttempt {
    /// What uses it up.
    pub used: SingleUse,
    /// The secret of the session that it starts.
    pub session_secret: String,
    /// Whether the session that the browser has goes on.
    pub is_step_up: bool,
    /// When it began, in UTC.
    pub began_at: OffsetDateTime,
}

impl Sessions {
    /// Signs `person` in with a new session. They are updated, or created if we do not know them; `attempt` is used up.
    /// A session that the browser had before ends. If it steps up it goes on instead, with a new key, and must be of the
    /// same person. If another tab has just signed them in, that session goes on.
    pub async fn sign_in(
        &self,
        request: &HttpRequest,
        person: NewUser,
        authentication: Authentication,
        attempt: FinishedAttempt,
    ) -> Result<(), SignInError> {
        let former = SignedIn::of(request);
        let is_same = |user: &User| user.issuer == person.issuer && user.subject == person.subject;
        if attempt.is_step_up
            && former
                .as_ref()
                .is_some_and(|former| !is_same(former.user()))
        {
            return Err(SignInError::SomebodyElse);
        }
        let former = match former.and_then(|_| self.key_hash(request)) {
            None => Former::None,
            Some(key_hash) if attempt.is_step_up => Former::StepsUp(key_hash),
            Some(key_hash) => Former::Ends(key_hash),
        };
        let sid_hash = authentication.sid.as_deref();
        let sid_hash = sid_hash.map(|sid| self.sid_hash(sid));
        let origin = Origin::of(request, sid_hash, authentication.session_expiry);
        let stored = authentication.into_stored(self.recheck.is_some());
        let others = self.other_attempts(request, &attempt.session_secret);
        let outcome = self.start_session(person, &stored, &attempt, former, origin, &others);
        match outcome.await.map_err(SignInError::Database)? {
            SignInOutcome::SignedIn(Begun { user, key_hash, .. }) => {
                let mut others = others.into_iter().map(|other| other.session_secret);
                let shared = others.find(|secret| hash(secret) == key_hash);
                let secret = shared.unwrap_or(attempt.session_secret);
                carrier::log_in(request, user.id, secret.into()).map_err(SignInError::Carrier)
            }
            SignInOutcome::Blocked(user) => Err(SignInError::Blocked { user_id: user.id }),
            SignInOutcome::Used => Err(SignInError::Attempt(AttemptError::Used)),
            SignInOutcome::EndedByProvider => {
                Err(SignInError::Attempt(AttemptError::EndedByProvider))
            }
        }
    }

    /// Records the session that `attempt` starts, and what becomes of those that the browser has from before or by its `others`.
    pub(super) async fn start_session(
        &self,
        person: NewUser,
        stored: &Stored,
        attempt: &FinishedAttempt,
        former: Former,
        origin: Origin,
        others: &[OtherAttempt],
    ) -> Result<SignInOutcome, db::Error> {
        let session = |secret: &str| {
            let key_hash = hash(secret);
            NewSession {
                state: self.seal(&key_hash, stored),
                key_hash,
                sid_hash: origin.sid_hash.clone(),
                ends_at: origin.ends_at.map(db::timestamp),
                address: origin.address.clone(),
                user_agent: origin.user_agent.clone(),
                recheck_at: self.next_recheck(),
            }
        };
        let others = others.iter().map(|other| Other {
            attempt: other.used.clone(),
            session: session(&other.session_secret),
        });
        let now = self.clock.now();
        let new = SignIn {
            person,
            session: session(&attempt.session_secret),
            others: others.collect(),
            attempt: attempt.used.clone(),
            former,
            began_at: attempt.began_at,
            now,
            since: LiveSince {
                seen: now - self.idle_timeout,
                begun: now - self.absolute_timeout,
            },
        };
        let cache = self.cache.clone();
        let outcome = self.db.run(move |connection| {
            let outcome = sign_in(connection, &new);
            // On the thread of the query, as in `Sessions::end`.
            if let Some(former) = new.former.key_hash() {
                cache.invalidate(former);
            }
            match &outcome {
                Ok(SignInOutcome::Blocked(user)) => cache.invalidate(&user.id),
                Ok(SignInOutcome::SignedIn(begun)) => {
                    cache.invalidate(&begun.user.id);
                    for ended in &begun.ended {
                        cache.invalidate(&ended.key_hash);
                    }
                }
                // A database that does not respond may have done it.
                Err(_) => new
                    .others
                    .iter()
                    .for_each(|other| cache.invalidate(&other.session.key_hash)),
                Ok(SignInOutcome::Used | SignInOutcome::EndedByProvider) => (),
            }
            outcome
        });
        outcome.await
    }
}
