//! The last step: a code arrives at the app.

use actix_web::cookie::Cookie;
use time::Duration;

use super::{AppCookies, CODE_LIFETIME, HandoverCode, HandoverRequest, LIFETIME, code_place};
use crate::db::{self, Kind, SingleUse};
use crate::random;
use crate::session::Sessions;
use crate::session::store::hash;

/// For how long the use of a code is kept: beyond its own lifetime, since the clocks of the processes differ.
const CODE_KEPT: Duration = LIFETIME;

/// The last step of a handover.
pub struct Arrived {
    /// Finds the session.
    pub key_hash: String,
    /// The cookie of the app's session.
    pub cookie: Cookie<'static>,
    /// Path and query, if the browser kept them.
    pub target: Option<String>,
    /// Whether the handover was for a stronger sign-in.
    pub is_step_up: bool,
    /// Whether the handover followed one that failed.
    pub is_retry: bool,
}

/// Why a handover failed.
#[derive(Debug)]
pub enum HandoverError {
    /// It is not sealed by us, or not for this place.
    Forged,
    /// The request is too old.
    RequestExpired(HandoverRequest),
    /// The code opens nothing.
    Code {
        /// Why.
        fault: CodeFault,
        /// Whether the handover followed one that failed.
        is_retry: bool,
    },
    /// The database could not be asked.
    Database(db::Error),
}

/// Why a code opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFault {
    /// It is too old.
    Expired,
    /// It has arrived before.
    Used,
    /// This browser has no cookie that fits it.
    OtherBrowser,
}

impl Sessions {
    /// Finishes a handover: the code arrives at `host`, from a browser with `cookies`. Whether the session is still there is
    /// for the caller to find out.
    ///
    /// # Errors
    /// The code opens nothing.
    pub async fn finish_handover(
        &self,
        host: &str,
        sealed: &str,
        cookies: &AppCookies<'_>,
    ) -> Result<Arrived, HandoverError> {
        let code: HandoverCode = self
            .open_handover(&code_place(host), sealed)
            .ok_or(HandoverError::Forged)?;
        let is_retry = code.is_retry;
        let failed = |fault| HandoverError::Code { fault, is_retry };
        if !self.is_recent(code.made_at, CODE_LIFETIME) {
            return Err(failed(CodeFault::Expired));
        }
        // Whether it fits or not: who has read it elsewhere can't use it afterwards.
        if !self
            .is_first_use(sealed)
            .await
            .map_err(HandoverError::Database)?
        {
            return Err(failed(CodeFault::Used));
        }
        let pending = cookies.pending.get(code.slot).copied().flatten();
        let pending = pending.and_then(|sealed| self.pending_handover(host, code.slot, sealed));
        let pending = pending.filter(|pending| {
            self.is_recent(pending.made_at, LIFETIME)
                && random::is_same(&hash(&pending.verifier), &code.verifier_hash)
        });
        let pending = pending.ok_or(failed(CodeFault::OtherBrowser))?;
        let cookie = self.app_session_cookie(host, &code.key_hash);
        Ok(Arrived {
            key_hash: code.key_hash,
            cookie,
            target: pending.target,
            is_step_up: code.is_step_up,
            is_retry,
        })
    }

    /// The code arrived at `host`, where it is of no use, and can't be used afterwards.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn spend_code(&self, host: &str, sealed: &str) -> Result<(), db::Error> {
        let code: Option<HandoverCode> = self.open_handover(&code_place(host), sealed);
        if code.is_some_and(|code| self.is_recent(code.made_at, CODE_LIFETIME)) {
            self.is_first_use(sealed).await?;
        }
        Ok(())
    }

    async fn is_first_use(&self, sealed: &str) -> Result<bool, db::Error> {
        let used = SingleUse::new(Kind::HandoverCode, sealed, self.clock.now() + CODE_KEPT);
        self.db.run(move |connection| used.create(connection)).await
    }
}
