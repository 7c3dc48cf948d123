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

/// A request that is not acted on.
pub struct NotDone {
    /// Why, in the audit.
    pub reason: &'static str,
    /// Why, in the log.
    pub cause: String,
}

impl NotDone {
    /// What the sender got wrong.
    pub fn refused(reason: &'static str, cause: impl fmt::Display) -> NotDone {
        NotDone {
            reason,
            cause: cause.to_string(),
        }
    }

    /// It may come again.
    pub fn unavailable(cause: impl fmt::Display) -> NotDone {
        NotDone::refused(DATABASE, cause)
    }

    /// A token that is not acted on.
    pub fn of_token<Refusal: fmt::Display>(
        error: PostedTokenError<Refusal>,
        reason: impl Fn(&Refusal) -> &'static str,
    ) -> NotDone {
        match error {
            PostedTokenError::Refused(cause) => NotDone::refused(reason(&cause), cause),
            PostedTokenError::Provider(cause) => NotDone::unavailable(cause),
        }
    }

    /// Whether it may come again.
    pub fn is_unavailable(&self) -> bool {
        self.reason == DATABASE
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

/// Counts, logs and audits a request that is not acted on.
///
/// # Errors
/// Too many of them come from this address.
pub async fn not_done(app: &App, channel: Channel, not_done: &NotDone) -> Result<(), Error> {
    let NotDone { reason, cause } = not_done;
    let (outcome, what) = match not_done.is_unavailable() {
        true => ("failed", "could not be acted on"),
        false => ("refused", "was refused"),
    };
    metrics::logout_request(channel.name(), outcome);
    // Only these count: all of a provider's requests come from few addresses.
    app.rate_limit.count_refused(address())?;
    log::warn!("a logout request ({}) {what}: {cause}", channel.name());
    app.audit.logout_refused(reason).await;
    Ok(())
}

fn address() -> Option<IpAddr> {
    RequestContext::current().and_then(|context| context.address)
}
