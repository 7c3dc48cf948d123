//! What happens to every request, outermost: errors become pages, answers get their security
//! headers, and the access log gets a line.

use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use url::Url;

use crate::app::App;
use crate::client::ClientAddr;
use crate::error::{Error, cut};
use crate::pages::ErrorPage;
use crate::session::drop_disguised_cookies;
use crate::words::{self, WayOn};
use crate::{paths, random};

/// How much of a cause is logged, in characters: some of it can come from outside.
const CAUSE_LIMIT: usize = 1000;

/// The middleware.
pub async fn front(
    app: web::Data<App>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let _under_way = app.leaving.begin_request();
    let client = app
        .trusted_proxies
        .client(request.peer_addr(), request.headers());
    request.extensions_mut().insert(client);
    let visit = Visit::begin(&request, client);
    drop_disguised_cookies(request.headers_mut());
    match next.call(request).await {
        Ok(answered) => {
            let (request, response) = answered.into_parts();
            let response = finish(&app, response.map_into_boxed_body(), &visit);
            Ok(ServiceResponse::new(request, response))
        }
        // Handlers' errors are answers by now. This is the session's middleware, which could not
        // reach the database; the request is gone, so the page travels as the error's answer.
        Err(cause) => {
            let error = Error::Session(format!("{cause:?}"));
            let response = finish(&app, HttpResponse::from_error(error), &visit);
            Err(InternalError::from_response("answered", response).into())
        }
    }
}

/// What the access log says of a request. Never the query: the callback's holds the code.
struct Visit {
    began: Instant,
    client: String,
    method: String,
    path: String,
}

impl Visit {
    fn begin(request: &ServiceRequest, client: ClientAddr) -> Self {
        let client = client.ip.map_or("-".to_owned(), |ip| ip.to_string());
        Visit {
            began: Instant::now(),
            client,
            method: request.method().to_string(),
            path: request.path().to_owned(),
        }
    }
}

fn finish(app: &App, response: HttpResponse, visit: &Visit) -> HttpResponse {
    let mut response = match needs_page(&response) {
        true => error_page(app, response, visit),
        false => response,
    };
    let headers = response.headers_mut();
    for (name, value) in &app.security_headers {
        headers.insert(name.clone(), value.clone());
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if app.leaving.is_so() {
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    let Visit {
        began,
        client,
        method,
        path,
    } = visit;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    let status = response.status().as_u16();
    log::info!(target: "doorward::access", "{client} {method} {path} {status} {took:.1} ms");
    response
}

/// An error that nobody has written a page for yet.
fn needs_page(response: &HttpResponse) -> bool {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_bare = matches!(response.body().size(), BodySize::None | BodySize::Sized(0));
    is_error && (is_bare || response.error().is_some())
}

/// The page for an error, with the headers and cookies that the answer had; logged here and only
/// here, with the reference that the page shows.
fn error_page(app: &App, response: HttpResponse, visit: &Visit) -> HttpResponse {
    let status = response.status();
    let error = response.error().and_then(|error| error.as_error::<Error>());
    let (words, reference) = match error {
        Some(error) => (words::of(error), Some(log_error(status, error, visit))),
        None if status.is_server_error() => {
            let cause = response
                .error()
                .map(ToString::to_string)
                .unwrap_or_default();
            (words::unexpected(), Some(log_error(status, &cause, visit)))
        }
        None => (words::of_status(status), None),
    };
    let (action_url, action_label) = match words.way_on {
        WayOn::SignInAgain => (app.base.at(paths::LOGIN), "Sign in again"),
        WayOn::Home => (app.base.at(paths::HOME), "Go to the home page"),
    };
    let retry_after_secs = error.and_then(Error::retry_after_secs);
    let next = match retry_after_secs {
        Some(secs) => format!("Try again in {}.", in_words(secs)),
        None => words.next.to_owned(),
    };
    let page = ErrorPage {
        status: status.as_u16(),
        title: words.title,
        sentence: words.sentence,
        next,
        action_url,
        action_label,
        reference,
    };
    let html = app.pages.render(&page).unwrap_or_else(|cause| {
        log::error!("the error page can't be rendered: {cause}");
        format!("{} {}", page.title, page.sentence)
    });
    let mut response = response.set_body(BoxBody::new(html));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    if let Some(secs) = retry_after_secs {
        let secs = HeaderValue::from(secs);
        response.headers_mut().insert(header::RETRY_AFTER, secs);
    }
    response
}

fn in_words(secs: u64) -> String {
    match secs {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{secs} seconds"),
        _ => format!("{} minutes", secs.div_ceil(60)),
    }
}

fn log_error(status: StatusCode, cause: &dyn std::fmt::Display, visit: &Visit) -> String {
    let reference = random::reference();
    let level = match status.is_server_error() {
        true => log::Level::Error,
        false => log::Level::Warn,
    };
    let (method, path) = (&visit.method, &visit.path);
    let cause = cause.to_string();
    let cause = cut(&cause, CAUSE_LIMIT);
    log::log!(
        level,
        "{method} {path} {} [{reference}]: {cause}",
        status.as_u16()
    );
    reference
}

/// The headers of every answer.
///
/// Browsers apply `form-action` to the redirects that follow a form, so it must let people through
/// to the provider, and from there to one behind it: any https origin, and the issuer's own where
/// that is plain http on this machine.
pub fn security_headers(public_url: &Url, issuer: &str) -> Vec<(HeaderName, HeaderValue)> {
    let local_issuer = Url::parse(issuer)
        .ok()
        .filter(|issuer| issuer.scheme() == "http")
        .map(|issuer| format!(" {}", issuer.origin().ascii_serialization()))
        .unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self' https:{local_issuer}"
    );
    let policy = HeaderValue::from_str(&policy).expect("an origin in ASCII fits a header");
    let fixed = HeaderValue::from_static;
    let mut headers = vec![
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        // Not no-referrer: the browser would send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, fixed("same-origin")),
        (header::CROSS_ORIGIN_OPENER_POLICY, fixed("same-origin")),
    ];
    if public_url.scheme() == "https" {
        let one_year = fixed("max-age=31536000");
        headers.push((header::STRICT_TRANSPORT_SECURITY, one_year));
    }
    headers
}
