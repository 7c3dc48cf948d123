//! `/healthz` and `/readyz`, for whoever operates Doorward.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::app::App;

/// The process runs.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The process is not stopping, and what Doorward needs answers, part by part. The provider is not among it: whoever is
/// signed in stays so without it.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    if app.shutdown.is_draining() {
        return HttpResponse::ServiceUnavailable()
            .content_type("text/plain")
            .body("stopping\n");
    }
    match app.readiness.check(&app.db).await {
        true => HttpResponse::Ok()
            .content_type("text/plain")
            .body("database: ok\n"),
        false => HttpResponse::ServiceUnavailable()
            .content_type("text/plain")
            .body("database: does not answer (the log says why)\n"),
    }
}
