//! `/healthz` and `/readyz`, for whoever keeps Doorward running.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::Data;
use tokio::sync::Mutex;

use crate::db::Db;
use crate::http::app::App;

/// Strangers may ask as often as they like: the database is asked no more often than this.
const ASK_AFTER: Duration = Duration::from_secs(1);

/// Whether the database answers, remembered for [`ASK_AFTER`]. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Option<(Instant, bool)>>>);

impl Readiness {
    /// Whoever asks meanwhile waits for the one answer.
    async fn ask(&self, db: &Db) -> bool {
        let mut latest = self.0.lock().await;
        if let Some((at, is_ready)) = *latest
            && at.elapsed() < ASK_AFTER
        {
            return is_ready;
        }
        let is_ready = match db.ping().await {
            Ok(()) => true,
            Err(cause) => {
                log::error!("not ready: {cause}");
                false
            }
        };
        *latest = Some((Instant::now(), is_ready));
        is_ready
    }
}

/// The process lives.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// Nobody asked us to stop, and what Doorward needs answers, part by part. The provider is not among it: without it those who
/// are signed in stay so.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    if app.leaving.is_so() {
        return HttpResponse::ServiceUnavailable()
            .content_type("text/plain")
            .body("stopping\n");
    }
    match app.readiness.ask(&app.db).await {
        true => HttpResponse::Ok()
            .content_type("text/plain")
            .body("database: ok\n"),
        false => HttpResponse::ServiceUnavailable()
            .content_type("text/plain")
            .body("database: does not answer (the log says why)\n"),
    }
}
