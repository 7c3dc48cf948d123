//! What the addresses have in common at which the provider ends sessions.

use std::fmt;
use std::net::IpAddr;

use crate::accounts::audit::DATABASE;
use crate::accounts::end::{Channel, Whose};
use crate::http::app::App;
use crate::http::error::Error;
use crate::observe::metrics;
use crate::observe::request_id::RequestContext;
use crate::oidc::PostedTokenError;
use crate::session::{EndedByProvider, Said};

/// When a request that could not be acted on may come again, in seconds.
const RETRY_AFTER_SECS: u64 = 5;

/// A request that is not acted on.
pub struct NotDone {
    /// Why, in the audit.
    pub reason: &'static str,
    /// Why, in the log.
    pub cause: String,
    /// After how many seconds it may come again; nothing if it will never be acted on.
    pub retry_after_secs: Option<u64>,
}

impl NotDone {
    /// What the sender got wrong.
    pub fn refused(reason: &'static str, cause: impl fmt::Display) -> NotDone {
        NotDone {
            reason,
            cause: cause.to_string(),
            retry_after_secs: None,
        }
    }

    /// What we or the provider could not do.
    pub fn unavailable(cause: impl fmt::Display) -> NotDone {
        NotDone {
            retry_after_secs: Some(RETRY_AFTER_SECS),
            ..NotDone::refused(DATABASE, cause)
        }
    }

    /// A token that is not acted on.
    pub fn of_token<Refusal: fmt::Display>(
        error: PostedTokenError<Refusal>,
        reason: impl Fn(&Refusal) -> &'static str,
    ) -> NotDone {
        match error {
            PostedTokenError::Refused(cause) => NotDone::refused(reason(&cause), cause),
            PostedTokenError::KeysAsked {
                cause,
                retry_after_secs,
            } => NotDone {
                retry_after_secs: Some(retry_after_secs),
                ..NotDone::refused(
                    reason(&cause),
                    format!(
                        "{cause}. The keys were fetched for another one less than a minute ago"
                    ),
                )
            },
            PostedTokenError::Provider(cause) => NotDone::unavailable(cause),
        }
    }

    /// Whether that was not the sender's fault.
    fn is_ours(&self) -> bool {
        self.reason == DATABASE
    }

    fn outcome(&self) -> &'static str {
        match self.is_ours() {
            true => "failed",
            false => "refused",
        }
    }
}

/// Ends the sessions; `named` is for the log.
pub async fn end(
    app: &App,
    whose: Whose,
    said: &Said<'_>,
    named: &str,
) -> Result<EndedByProvider, NotDone> {
    let ended = app.sessions.end_by_provider(whose, said).await;
    let ended = ended.map_err(NotDone::unavailable)?;
    match ended {
        EndedByProvider::Replayed => {
            return Err(NotDone::refused("replayed", "its jti came before"));
        }
        EndedByProvider::Sessions(count) => {
            log::info!("the provider ended sessions {named}: {count}");
        }
        EndedByProvider::NobodyKnown => {
            log::info!("the provider ended sessions {named}: nobody here is called so");
        }
        EndedByProvider::OfAnother => log::warn!(
            "the provider ended sessions {named}: the session of that sid is another person's, so nothing has ended"
        ),
    }
    metrics::logout_request(said.channel.name(), "accepted");
    Ok(ended)
}

/// Ends the sessions of a session at the provider, because an unsigned request says so.
pub async fn end_sid(app: &App, sid: &str) -> Result<(), NotDone> {
    let ended = app.sessions.end_by_frame(sid).await;
    let count = ended.map_err(NotDone::unavailable)?;
    if count > 0 {
        log::info!("the provider ended sessions by their sid, in a frame: {count}");
    }
    metrics::logout_request(Channel::Front.name(), "accepted");
    Ok(())
}

/// Counts, logs and audits a request of a program that is not acted on.
///
/// # Errors
/// Too many of them come from this address.
pub async fn not_done(app: &App, channel: Channel, not_done: &NotDone) -> Result<(), Error> {
    metrics::logout_request(channel.name(), not_done.outcome());
    // Only what is refused counts: all of a provider's requests come from few addresses, and it may try again what failed.
    if !not_done.is_ours() {
        app.rate_limit.count_refused(address())?;
    }
    log_and_audit(app, channel, not_done).await;
    Ok(())
}

/// The same, for a request that `RATE_LIMIT` has counted already.
pub async fn not_done_by_browser(app: &App, channel: Channel, not_done: &NotDone) {
    metrics::logout_request(channel.name(), not_done.outcome());
    log_and_audit(app, channel, not_done).await;
}

async fn log_and_audit(app: &App, channel: Channel, not_done: &NotDone) {
    let NotDone { reason, cause, .. } = not_done;
    let what = match not_done.is_ours() {
        true => "could not be acted on",
        false => "was refused",
    };
    log::warn!("a logout request ({}) {what}: {cause}", channel.name());
    app.audit.logout_refused(reason).await;
}

fn address() -> Option<IpAddr> {
    RequestContext::current().and_then(|context| context.address)
}
