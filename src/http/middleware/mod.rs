//! The layers that a request passes through before the session and its handler. [`layers`] lists them in the order in
//! which they run. They are functions that it calls: a middleware of actix-web for each would cost an allocation for each
//! request.

pub mod access_log;
pub mod client_address;
pub mod cookie_cleanup;
pub mod error_pages;
pub mod rate_limit;
pub mod request_id;
pub mod request_limits;
pub mod security_headers;

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};

use crate::http::app::App;
use crate::http::error::Error;
use crate::http::route::Route;
use crate::observe::metrics;
use crate::observe::request_id::RequestContext;
use access_log::RequestLine;
use request_limits::Excess;

/// All layers, as one middleware of actix-web.
pub async fn layers(
    app: web::Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let _in_flight = app.shutdown.begin_request();
    let client = client_address::of(&app.trusted_proxies, &request);
    let context = RequestContext {
        id: request_id::of(&app.trusted_proxies, client, &request),
        address: client.ip,
    };
    // Decoded, as the router has it: `/%6cogin` is `/login`.
    let route = app.routes.find(request.match_info().unprocessed());
    let visit = Visit {
        began: Instant::now(),
        context,
        line: RequestLine::of(&request),
        route,
    };
    context.scope(handle(&app, request, next, &visit)).await
}

/// What the layers remember of a request until its response leaves.
struct Visit {
    began: Instant,
    context: RequestContext,
    line: RequestLine,
    route: Option<&'static Route>,
}

async fn handle(
    app: &App,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    visit: &Visit,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if let Err(refusal) = on_the_way_in(app, &mut request, visit).await {
        let (request, _) = request.into_parts();
        let response = on_the_way_out(app, refusal, visit);
        return Ok(ServiceResponse::new(request, response));
    }
    match next.call(request).await {
        Ok(handled) => {
            let (request, response) = handled.into_parts();
            let response = on_the_way_out(app, response.map_into_boxed_body(), visit);
            Ok(ServiceResponse::new(request, response))
        }
        // A handler's error is a response already. This one is of the session's middleware, which could not load or store
        // the session. The request is gone, so the page is returned inside an error.
        Err(cause) => {
            let error = Error::Session(format!("{cause:#}"));
            let response = on_the_way_out(app, HttpResponse::from_error(error), visit);
            Err(InternalError::from_response("responded", response).into())
        }
    }
}

/// The layers that can refuse a request before its handler, or change it.
async fn on_the_way_in(
    app: &App,
    request: &mut ServiceRequest,
    visit: &Visit,
) -> Result<(), HttpResponse> {
    cookie_cleanup::ignore(visit.route, request);
    request_limits::check(request).map_err(Excess::response)?;
    cookie_cleanup::keep_own(&app.sessions, &app.audit, request).await;
    rate_limit::check(&app.rate_limit, visit.route, visit.context.address)
        .map_err(HttpResponse::from_error)
}

/// The layers that complete each response, count it and log it.
fn on_the_way_out(app: &App, response: HttpResponse, visit: &Visit) -> HttpResponse {
    let mut response = error_pages::complete(
        &app.pages,
        &app.public_url,
        response,
        visit.route,
        &visit.line,
        visit.context.id,
    );
    security_headers::add(&app.security_headers, &mut response);
    request_id::add(visit.context.id, &mut response);
    if app.shutdown.is_draining() {
        let head = response.head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    let (took, status) = (visit.began.elapsed(), response.status());
    metrics::http_request(
        Route::label(visit.route),
        &visit.line.method,
        status.as_str(),
        took,
    );
    access_log::write(&visit.line, visit.context.address, status, took);
    response
}
