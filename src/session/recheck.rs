//! The provider is asked again whether a person is still welcome, when its word has become too old. Whoever asks has claimed
//! the session in its row, since several processes may serve it, and records what came of it only in the round that it
//! claimed. This never makes a session last longer, and never changes how strongly the person signed in.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration as StdDuration;

use actix_web::{HttpRequest, rt};
use secrecy::SecretString;
use time::{Duration, OffsetDateTime};

use super::Sessions;
use super::cache::CachedSession;
use super::recheck_claim::{Kept, RecheckClaim};
use super::recheck_times::{Due, Recheck};
use super::stored::Stored;
use crate::accounts::end::{Which, Why};
use crate::db::{self, Claimed, Concluded, Session};

/// For how long a claim keeps others from asking. Whoever has it has asked by then: a provider that replaces refresh tokens
/// ends all of a sign-in if one comes twice.
pub const CLAIM: StdDuration = StdDuration::from_secs(30);

/// When the provider is asked again after no answer, unless it says later.
const RETRY_AFTER: Duration = Duration::MINUTE;

/// How often the outcome is written, a second apart, if the database does not take it. A new refresh token would be lost.
const WRITES: u32 = 10;

impl Sessions {
    /// Whether the provider is to be asked about this session now. Where it never is, this reads no clock.
    pub fn due(&self, session: &CachedSession) -> Due {
        match &session.recheck {
            Some(recheck) => recheck.due(self.clock.now()),
            None => Due::No,
        }
    }

    /// The hash that finds the session whose cookie was sent.
    pub fn session_of(&self, request: &HttpRequest) -> Option<String> {
        self.key_hash(request)
    }

    /// When the provider's word of now is too old; nothing if it never is.
    pub(super) fn next_recheck(&self) -> Option<OffsetDateTime> {
        Some(self.clock.now() + self.recheck.as_ref()?.every)
    }

    /// Claims to ask the provider about a session, unless somebody else has, or the database takes no writes.
    pub async fn claim_recheck(
        &self,
        key_hash: &str,
        session: &CachedSession,
    ) -> Option<RecheckClaim> {
        let recheck = session.recheck?;
        let (now, round) = (self.clock.now(), session.round);
        let claimed = Rc::new(OnceCell::new());
        let (db, wanted, found) = (self.db.clone(), key_hash.to_owned(), claimed.clone());
        let user_id = session.user.id.clone();
        let claim = async move {
            let claim = db.run(move |connection| {
                Session::claim(connection, &wanted, &user_id, round, now, now + CLAIM)
            });
            let _ = found.set(claim.await?);
            Ok(())
        };
        self.optional_writes.attempt(claim).await;
        // Whoever has the claim, the next requests of this browser need not try.
        let seen = CachedSession {
            user: session.user.clone(),
            acr: session.acr.clone(),
            app_headers: OnceLock::new(),
            recheck: Some(Recheck {
                claimed_until: Some(now + CLAIM),
                ..recheck
            }),
            ..*session
        };
        self.cache.keep(key_hash.to_owned(), Arc::new(seen));
        let Claimed { state, recent } = claimed.get().cloned().flatten()?;
        let (stored, _) = self.open_row(key_hash, &state)?;
        Some(RecheckClaim {
            key_hash: key_hash.to_owned(),
            round,
            user_id: session.user.id.clone(),
            claimed_at: now,
            recent,
            stored,
            ends_at: session.ends_at,
            // A person who was away for hours is not signed out because the provider is away for a moment.
            overdue_since: match recheck.claimed_until {
                None => now,
                Some(_) => recheck.at,
            },
        })
    }

    /// The provider welcomes the person, with a new refresh token or without, and with an ID token that was issued then. If
    /// that says that its session ends earlier, ours does.
    ///
    /// # Errors
    /// The database did not record it. A new refresh token is lost.
    pub async fn welcome(
        &self,
        claim: RecheckClaim,
        refresh_token: Option<SecretString>,
        issued_at: Option<OffsetDateTime>,
        session_expiry: Option<OffsetDateTime>,
    ) -> Result<Kept, db::Error> {
        let state = self.state_after(&claim, refresh_token, issued_at);
        let is_earlier = |at: &OffsetDateTime| claim.ends_at.is_none_or(|ends_at| *at < ends_at);
        let concluded = Concluded {
            state,
            recheck_at: self.next_recheck(),
            retry_at: None,
            ends_at: session_expiry.filter(is_earlier),
        };
        self.conclude(&claim, concluded).await
    }

    /// The provider does not say whether it welcomes the person: the session goes on within the grace. There may be a new
    /// refresh token all the same.
    ///
    /// # Errors
    /// Likewise.
    pub async fn unanswered(
        &self,
        claim: RecheckClaim,
        refresh_token: Option<SecretString>,
        retry_after_secs: Option<u64>,
    ) -> Result<Kept, db::Error> {
        let now = self.clock.now();
        let grace = self.recheck.as_ref().map_or(Duration::ZERO, |it| it.grace);
        let over = claim.overdue_since.saturating_add(grace);
        if over <= now {
            return self.end_claimed(claim, Why::RecheckOverdue).await;
        }
        let pause = retry_after_secs.and_then(|secs| i64::try_from(secs).ok());
        let pause = pause
            .map_or(RETRY_AFTER, Duration::seconds)
            .max(RETRY_AFTER);
        let concluded = Concluded {
            state: self.state_after(&claim, refresh_token, None),
            recheck_at: Some(claim.overdue_since),
            retry_at: Some(over.min(now + pause)),
            ends_at: None,
        };
        self.conclude(&claim, concluded).await
    }

    /// Ends the session that was asked about.
    ///
    /// # Errors
    /// It has not ended. The next request asks again.
    pub async fn end_claimed(&self, claim: RecheckClaim, why: Why) -> Result<Kept, db::Error> {
        let which = Which::OneInRound(claim.key_hash.clone(), claim.round);
        Ok(match self.end(which, why).await? {
            0 => self.gone(&claim).await,
            _ => Kept::Ended,
        })
    }

    /// What became of a session that is not there in the round of `claim`.
    async fn gone(&self, claim: &RecheckClaim) -> Kept {
        let (key_hash, user_id) = (claim.key_hash.clone(), claim.user_id.clone());
        let (round, claimed_at, recent) = (claim.round, claim.claimed_at, claim.recent.clone());
        let followed = self.db.read(move |connection| {
            Session::is_followed(connection, &key_hash, &user_id, round, claimed_at, &recent)
        });
        // If nobody knows, nobody loses a session.
        match followed.await {
            Ok(false) => Kept::Gone,
            Ok(true) | Err(_) => Kept::Replaced,
        }
    }

    /// The state to seal, if it is another one.
    fn state_after(
        &self,
        claim: &RecheckClaim,
        refresh_token: Option<SecretString>,
        issued_at: Option<OffsetDateTime>,
    ) -> Option<String> {
        if refresh_token.is_none() && issued_at.is_none() {
            return None;
        }
        let former = &claim.stored;
        let stored = Stored {
            refresh_token: refresh_token.or_else(|| former.refresh_token.clone()),
            issued_at: issued_at.or(former.issued_at),
            ..former.clone()
        };
        Some(self.seal(&claim.key_hash, &stored))
    }

    async fn conclude(
        &self,
        claim: &RecheckClaim,
        concluded: Concluded,
    ) -> Result<Kept, db::Error> {
        let mut tries = 1;
        loop {
            let (key_hash, round, cache) =
                (claim.key_hash.clone(), claim.round, self.cache.clone());
            let concluded = concluded.clone();
            let conclude = self.db.run(move |connection| {
                let kept = Session::conclude(connection, &key_hash, round, &concluded);
                // On the thread of the query, as in `Sessions::end`.
                cache.invalidate(&key_hash);
                kept
            });
            match conclude.await {
                Ok(true) => return Ok(Kept::Yes),
                Ok(false) => return Ok(self.gone(claim).await),
                Err(cause) if tries == WRITES => return Err(cause),
                Err(_) => tries += 1,
            }
            rt::time::sleep(StdDuration::from_secs(1)).await;
        }
    }
}

#[cfg(test)]
mod tests;
