//! What is done now and then while Doorward serves.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;

use crate::accounts::audit::Audit;
use crate::session::Sessions;

/// How often ended sessions are cleared away.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Clears away ended sessions, what was used once, and old audit events, now and then.
pub async fn purge(sessions: Arc<Sessions>, audit: Arc<Audit>) {
    let mut interval = rt::time::interval(PURGE_INTERVAL);
    loop {
        interval.tick().await;
        match sessions.purge_expired().await {
            Ok(0) => (),
            Ok(ended) => log::info!("cleared away {ended} ended sessions"),
            Err(cause) => log::warn!("ended sessions could not be cleared away: {cause}"),
        }
        if let Err(cause) = sessions.purge_used().await {
            log::warn!("what was used once could not be cleared away: {cause}");
        }
        match audit.purge().await {
            Ok(0) => (),
            Ok(old) => log::info!("cleared away {old} old audit events"),
            Err(cause) => log::warn!("old audit events could not be cleared away: {cause}"),
        }
    }
}
