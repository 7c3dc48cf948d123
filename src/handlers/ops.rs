//! `/healthz` and `/readyz`, for whoever keeps Doorward running.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::app::App;

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
