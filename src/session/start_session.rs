//! A session starts with its person and its audit event, or not at all.

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::carrier::{self, CarrierError};
use super::login_attempt::OtherAttempt;
use super::store::hash;
use super::stored::Stored;
use super::{AttemptError, Sessions, SignedIn};
use crate::accounts::sign_in::{Begun, Former, Other, SignIn, SignInOutcome, sign_in};
use crate::db::{self, LiveSince, NewSession, NewUser, SingleUse, User};
use crate::observe::request_id::RequestContext;

/// A longer token is not kept, in bytes. A sign-out then has no hint, and the provider is asked again through the browser.
const TOKEN_LIMIT: usize = 16 * 1024;

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

/// How the provider authenticated a person.
pub struct Authentication {
    /// The ID token that says so.
    pub id_token: SecretString,
    /// How strongly, in the provider's words.
    pub acr: Option<String>,
    /// When, in UTC.
    pub auth_time: Option<OffsetDateTime>,
    /// The session at the provider, if it names it.
    pub sid: Option<String>,
    /// When that session ends, in UTC, if the provider says so.
    pub session_expiry: Option<OffsetDateTime>,
    /// For asking again, if there is one.
    pub refresh_token: Option<SecretString>,
}

/// Where a session comes from.
pub(super) struct Origin {
    /// When the attempt began.
    pub began_at: OffsetDateTime,
    sid_hash: Option<String>,
    /// When the provider's session ends.
    ends_at: Option<OffsetDateTime>,
    address: Option<String>,
    user_agent: Option<String>,
    /// The browser's other attempts.
    others: Vec<OtherAttempt>,
}

/// The longest name of a browser that is kept, in characters.
const USER_AGENT_LIMIT: usize = 200;

impl Origin {
    /// A session of nobody knows where.
    #[cfg(test)]
    pub fn unknown(began_at: OffsetDateTime, ends_at: Option<OffsetDateTime>) -> Origin {
        Origin {
            began_at,
            sid_hash: None,
            ends_at,
            address: None,
            user_agent: None,
            others: Vec::new(),
        }
    }

    fn of(
        request: &HttpRequest,
        sid_hash: Option<String>,
        ends_at: Option<OffsetDateTime>,
        began_at: OffsetDateTime,
        others: Vec<OtherAttempt>,
    ) -> Origin {
        let address = RequestContext::current().and_then(|context| context.address);
        let user_agent = request.headers().get(USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        Origin {
            began_at,
            sid_hash,
            ends_at,
            address: address.map(|address| address.to_string()),
            user_agent: user_agent.map(|text| {
                let text = text.chars().filter(|it| !it.is_control());
                text.take(USER_AGENT_LIMIT).collect()
            }),
            others,
        }
    }
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
        let FinishedAttempt {
            used,
            session_secret,
            is_step_up,
            began_at,
        } = attempt;
        let former = SignedIn::of(request);
        let is_same = |user: &User| user.issuer == person.issuer && user.subject == person.subject;
        if is_step_up
            && former
                .as_ref()
                .is_some_and(|former| !is_same(former.user()))
        {
            return Err(SignInError::SomebodyElse);
        }
        let fits = |token: &SecretString| token.expose_secret().len() <= TOKEN_LIMIT;
        let id_token_hint = Some(authentication.id_token).filter(fits);
        // Kept only where it has a use, and with what its answers are compared with.
        let is_kept = self.recheck.is_some() && id_token_hint.is_some();
        let refresh_token = authentication.refresh_token.filter(fits);
        let stored = Stored {
            id_token_hint,
            acr: authentication.acr,
            auth_time: authentication.auth_time,
            refresh_token: refresh_token.filter(|_| is_kept),
            issued_at: None,
        };
        let former = match former.and_then(|_| self.key_hash(request)) {
            None => Former::None,
            Some(key_hash) if is_step_up => Former::StepsUp(key_hash),
            Some(key_hash) => Former::Ends(key_hash),
        };
        let sid_hash = authentication.sid.map(|sid| self.sid_hash(&sid));
        let ends_at = authentication.session_expiry;
        let others = self.other_attempts(request, &session_secret);
        let origin = Origin::of(request, sid_hash, ends_at, began_at, others.clone());
        let outcome = self.start_session(&session_secret, person, &stored, used, former, origin);
        match outcome.await.map_err(SignInError::Database)? {
            SignInOutcome::SignedIn(Begun { user, key_hash, .. }) => {
                let mut others = others.into_iter().map(|other| other.session_secret);
                let shared = others.find(|secret| hash(secret) == key_hash);
                let secret = shared.unwrap_or(session_secret);
                carrier::log_in(request, user.id, secret.into()).map_err(SignInError::Carrier)
            }
            SignInOutcome::Blocked(user) => Err(SignInError::Blocked { user_id: user.id }),
            SignInOutcome::Used => Err(SignInError::Attempt(AttemptError::Used)),
            SignInOutcome::EndedByProvider => {
                Err(SignInError::Attempt(AttemptError::EndedByProvider))
            }
        }
    }

    /// Records the session of the browser that gets `secret`, and what becomes of the one that it had before.
    pub(super) async fn start_session(
        &self,
        secret: &str,
        person: NewUser,
        stored: &Stored,
        attempt: SingleUse,
        former: Former,
        origin: Origin,
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
        let others = origin.others.iter().map(|other| Other {
            attempt: other.used.clone(),
            session: session(&other.session_secret),
        });
        let now = self.clock.now();
        let new = SignIn {
            person,
            session: session(secret),
            others: others.collect(),
            attempt,
            former,
            began_at: origin.began_at,
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
