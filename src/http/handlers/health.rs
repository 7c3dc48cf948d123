//! `/healthz` and `/readyz`, for load balancers and monitoring.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::app::App;

/// `/healthz`: the process is running.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// `/readyz`: the process is not stopping, and the database responds. The provider is not checked: people who are signed in
/// do not need it.
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
            .body("database: does not respond (the log says why)\n"),
    }
}
