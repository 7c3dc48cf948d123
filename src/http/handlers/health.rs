//! `/healthz` and `/readyz`, for load balancers and monitoring.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::app::App;

/// `/healthz`: the process is running.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// `/readyz`: the process is not stopping, and the database lets it serve people who are signed in. The text says whether
/// more is wrong. The provider is not checked: people who are signed in do not need it.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    if app.shutdown.is_draining() {
        return HttpResponse::ServiceUnavailable()
            .content_type("text/plain")
            .body("stopping\n");
    }
    let database = app.readiness.check(&app.db).await;
    let mut response = match database.is_ready() {
        true => HttpResponse::Ok(),
        false => HttpResponse::ServiceUnavailable(),
    };
    response
        .content_type("text/plain")
        .body(format!("database: {database}\n"))
}
