//! Deletes what has expired, every ten minutes while Doorward serves.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;

use crate::accounts::audit::Audit;
use crate::session::Sessions;

/// How often expired rows are deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Deletes expired sessions, used login attempts that are too old to come again, and old audit events.
pub async fn purge(sessions: Arc<Sessions>, audit: Arc<Audit>) {
    let mut interval = rt::time::interval(PURGE_INTERVAL);
    loop {
        interval.tick().await;
        match sessions.purge_expired().await {
            Ok(0) => (),
            Ok(ended) => log::info!("deleted {ended} expired sessions"),
            Err(cause) => log::warn!("expired sessions could not be deleted: {cause}"),
        }
        if let Err(cause) = sessions.purge_used().await {
            log::warn!("used login attempts could not be deleted: {cause}");
        }
        match audit.purge().await {
            Ok(0) => (),
            Ok(old) => log::info!("deleted {old} old audit events"),
            Err(cause) => log::warn!("old audit events could not be deleted: {cause}"),
        }
    }
}
