//! What happens to every request, outermost: errors become pages, answers get their security
//! headers, and the access log gets a line.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::ConnectionType;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use url::Url;

use crate::http::app::App;
use crate::http::error::Error;
use crate::http::error::refusals::Refusal;
use crate::http::middleware::request_limits::Excess;
use crate::http::pages::ErrorPage;
use crate::http::pages::messages::Action;
use crate::http::paths;
use crate::observe::logging::{Quoted, cut};
use crate::observe::metrics;
use crate::observe::request_id::{RequestContext, RequestId};
use crate::public_url::PublicUrl;
use crate::session::OwnCookies;

/// How much of a cause is logged, in characters: some of it can come from outside.
const CAUSE_LIMIT: usize = 1000;

/// How much of a method and of a path is logged, in characters: both can be as long as a request.
const METHOD_LIMIT: usize = 16;
const PATH_LIMIT: usize = 256;

/// The name of the request, on every answer.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What no page of ours needs of a browser.
const PERMISSIONS: &str =
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// The middleware.
pub async fn front(
    app: web::Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let _under_way = app.leaving.begin_request();
    let excess = Excess::of(&request);
    let client = app
        .trusted_proxies
        .client(request.peer_addr(), request.headers());
    request.extensions_mut().insert(client);
    let header = |name: &str| {
        let mut lines = request.headers().get_all(name);
        // Of two, one is not the proxy's.
        let (line, None) = (lines.next()?, lines.next()) else {
            return None;
        };
        line.to_str().ok()
    };
    let is_named = client.peer_is_trusted && app.trusted_proxies.name_requests;
    let id = RequestId::of(is_named, header);
    let context = RequestContext {
        id,
        address: client.ip,
    };
    context
        .scope(answer(app, request, next, context, excess))
        .await
}

async fn answer(
    app: web::Data<App>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    context: RequestContext,
    excess: Option<Excess>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let visit = Visit::begin(&request, context);
    if let Some(excess) = excess {
        let (request, _) = request.into_parts();
        let response = finish(&app, excess.response(), &visit);
        return Ok(ServiceResponse::new(request, response));
    }
    let cookies = app.sessions.keep_own_cookies(request.headers_mut());
    if cookies == OwnCookies::Planted {
        app.audit.cookies_planted().await;
    }
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
    context: RequestContext,
    method: String,
    path: String,
}

impl Visit {
    fn begin(request: &ServiceRequest, context: RequestContext) -> Self {
        Visit {
            began: Instant::now(),
            context,
            method: shortened(request.method().as_str(), METHOD_LIMIT),
            path: shortened(request.path(), PATH_LIMIT),
        }
    }
}

/// The beginning, where it is longer than `limit` characters.
fn shortened(text: &str, limit: usize) -> String {
    let beginning = cut(text, limit);
    match beginning.len() < text.len() {
        true => format!("{beginning}…"),
        false => beginning.to_owned(),
    }
}

fn finish(app: &App, response: HttpResponse, visit: &Visit) -> HttpResponse {
    let mut response = match needs_page(&response) {
        true => error_page(app, response, visit),
        false => response,
    };
    let headers = response.headers_mut();
    for (name, value) in &app.security_headers {
        // An answer may have one of its own, which is stricter.
        if !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let id = HeaderValue::from_str(visit.context.id.as_str());
    headers.insert(X_REQUEST_ID, id.expect("letters, digits and . _ -"));
    if app.leaving.is_so() {
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    let (took, status) = (visit.began.elapsed(), response.status().as_u16());
    let path = app.public_url.strip(&visit.path);
    let route = paths::route(path).map_or(paths::NO_ROUTE, |route| paths::ROUTES[route]);
    metrics::http_request(route, &visit.method, response.status().as_str(), took);
    log_access(visit, status, took);
    response
}

/// The line of the access log: a sentence for people, fields for machines.
fn log_access(visit: &Visit, status: u16, took: Duration) {
    let Visit {
        context,
        method,
        path,
        ..
    } = visit;
    let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
    let address = OrDash(context.address);
    log::info!(
        target: "doorward::access",
        address:%, method = method.as_str(), path = path.as_str(), status, duration_ms;
        "{address} {method} {} {status} {duration_ms:.1} ms", Quoted(path)
    );
}

/// An address, or a dash where none is known: behind a Unix socket.
struct OrDash(Option<IpAddr>);

impl std::fmt::Display for OrDash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// An error that nobody has written a page for yet.
fn needs_page(response: &HttpResponse) -> bool {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_bare = matches!(response.body().size(), BodySize::None | BodySize::Sized(0));
    is_error && (is_bare || response.error().is_some())
}

/// The page for an error, with the headers and cookies that the answer had; logged here and only
/// here. Its reference is the request's id, which stands on every log line of the request.
fn error_page(app: &App, response: HttpResponse, visit: &Visit) -> HttpResponse {
    let status = response.status();
    let error = response.error().and_then(|error| error.as_error::<Error>());
    let refusal = error.map_or_else(|| Refusal::of_status(status), Refusal::of);
    match (error, response.error()) {
        (Some(error), _) => log_error(&refusal, error, visit),
        (None, Some(cause)) if status.is_server_error() => log_error(&refusal, cause, visit),
        (None, None) if status.is_server_error() => log_error(&refusal, &"", visit),
        _ => (),
    }
    let message = refusal.message;
    let action_url = match message.action {
        Action::SignInAgain => app.public_url.at(paths::LOGIN),
        Action::Home => app.public_url.at(paths::HOME),
    };
    let retry_after_secs = error.and_then(Error::retry_after_secs);
    let next = match retry_after_secs {
        Some(secs) => format!("Try again in {}.", in_words(secs)),
        None => message.next.to_owned(),
    };
    let page = ErrorPage {
        status: status.as_u16(),
        title: message.title,
        sentence: message.sentence,
        next,
        action_url,
        action_label: message.action.label(),
        reference: visit.context.id.to_string(),
    };
    let html = app.pages.render(&page).unwrap_or_else(|cause| {
        log::error!("the error page can't be rendered: {cause}");
        format!("{} {}", page.title, page.sentence)
    });
    let mut response = response.set_body(BoxBody::new(html));
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, html);
    // The address may hold a code and a state, and the page asks for a style sheet.
    let no_referrer = HeaderValue::from_static("no-referrer");
    headers.insert(header::REFERRER_POLICY, no_referrer);
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

/// First what happened, then what an administrator can do about it.
fn log_error(refusal: &Refusal, cause: &dyn std::fmt::Display, visit: &Visit) {
    let level = match refusal.status.is_server_error() {
        true => log::Level::Error,
        false => log::Level::Warn,
    };
    let Visit { method, path, .. } = visit;
    let cause = cause.to_string();
    let cause = cut(&cause, CAUSE_LIMIT);
    let status = refusal.status.as_u16();
    let (separator, hint) = match refusal.hint {
        "" => ("", ""),
        hint => ("; ", hint),
    };
    log::log!(
        level,
        method = method.as_str(), path = path.as_str(), status;
        "{cause} ({method} {} {status}){separator}{hint}", Quoted(path)
    );
}

/// The policy of a page whose forms lead to us and to `form_action`: schemes or origins.
pub fn content_security_policy(form_action: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self' {form_action}"
    );
    HeaderValue::from_str(&policy).expect("an origin in ASCII fits a header")
}

/// The headers of every answer.
///
/// Browsers apply `form-action` to the redirects that follow a form, so it must let people through
/// to the provider, and from there to one behind it: any https origin, and the issuer's own where
/// that is plain http on this machine.
pub fn security_headers(
    public_url: &PublicUrl,
    issuer: &str,
    hsts_include_subdomains: bool,
) -> Vec<(HeaderName, HeaderValue)> {
    let local_issuer = Url::parse(issuer)
        .ok()
        .filter(|issuer| issuer.scheme() == "http")
        .map(|issuer| format!(" {}", issuer.origin().ascii_serialization()))
        .unwrap_or_default();
    let policy = content_security_policy(&format!("https:{local_issuer}"));
    let fixed = HeaderValue::from_static;
    let mut headers = vec![
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        // Not no-referrer: the browser would send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, fixed("same-origin")),
        (header::CROSS_ORIGIN_OPENER_POLICY, fixed("same-origin")),
        (header::CROSS_ORIGIN_RESOURCE_POLICY, fixed("same-origin")),
        (header::PERMISSIONS_POLICY, fixed(PERMISSIONS)),
    ];
    if public_url.is_https() {
        let one_year = match hsts_include_subdomains {
            true => fixed("max-age=31536000; includeSubDomains"),
            false => fixed("max-age=31536000"),
        };
        headers.push((header::STRICT_TRANSPORT_SECURITY, one_year));
    }
    headers
}
