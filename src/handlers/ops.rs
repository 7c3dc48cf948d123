//! `/healthz` and `/readyz`, for whoever keeps Doorward running.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::app::App;

/// The process lives.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// What Doorward needs answers, part by part. The provider is not among it: without it those who
/// are signed in stay so.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    match app.db.ping().await {
        Ok(()) => HttpResponse::Ok()
            .content_type("text/plain")
            .body("database: ok\n"),
        Err(cause) => {
            log::error!("not ready: {cause}");
            HttpResponse::ServiceUnavailable()
                .content_type("text/plain")
                .body("database: does not answer (the log says why)\n")
        }
    }
}
