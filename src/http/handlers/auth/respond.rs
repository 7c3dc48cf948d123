//! The responses to proxies. Each kind of proxy takes other statuses for "no": nginx only 401 and 403.

use std::net::IpAddr;

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};
use url::form_urlencoded::byte_serialize;

use crate::gateway::kind::Kind;
use crate::gateway::original_request::OriginalRequest;
use crate::http::gateway::Gateway;
use crate::http::handlers::handover::REQUEST;
use crate::http::paths;
use crate::observe::request_id::RequestId;
use crate::session::{AppHeaders, PROBE, StartedHandover};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The signed identity.
const X_DOORWARD_JWT: HeaderName = HeaderName::from_static("x-doorward-jwt");

/// Responds to one kind of proxy.
pub struct Responder {
    /// How the proxy asked.
    pub kind: Kind,
    /// The check's id.
    pub id: RequestId,
    /// The client's address, as far as it is known.
    pub client: Option<IpAddr>,
}

impl Responder {
    /// The client's address for the rules, if the proxy says it: the proxy's own is nobody's.
    pub fn client_of_rules(&self, gateway: &Gateway) -> Option<IpAddr> {
        self.client
            .filter(|ip| !gateway.trusted_proxies.contains(*ip))
    }

    pub(super) fn build(&self, status: StatusCode) -> HttpResponseBuilder {
        let id = HeaderValue::from_str(self.id.as_str()).expect("letters, digits and . _ -");
        let mut response = HttpResponse::build(status);
        response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        response.insert_header((X_REQUEST_ID, id));
        response
    }

    /// The request goes on, with these headers, and with `token`. That is always there too, or some proxies would let the
    /// client's own through; it is empty without `GATEWAY_JWT`.
    pub fn allowed(&self, headers: &AppHeaders, token: Option<HeaderValue>) -> HttpResponse {
        let mut response = self.build(StatusCode::OK).finish();
        let own = response.headers_mut();
        // All at once.
        own.reserve(headers.len() + 1);
        let token = token.unwrap_or(HeaderValue::from_static(""));
        own.insert(X_DOORWARD_JWT, token);
        for (name, value) in headers {
            own.insert(name.clone(), value.clone());
        }
        response
    }

    /// The proxy's description is not acceptable.
    pub fn malformed(&self, closes: bool) -> HttpResponse {
        let status = match self.kind {
            Kind::Request => StatusCode::FORBIDDEN,
            Kind::Forward | Kind::ExtAuthz => StatusCode::BAD_REQUEST,
        };
        let mut response = self.build(status);
        if closes {
            response.force_close();
        }
        response.finish()
    }

    /// No, without more.
    pub fn forbidden(&self) -> HttpResponse {
        self.build(StatusCode::FORBIDDEN).finish()
    }

    /// The database is needed and away.
    pub fn unavailable(&self) -> HttpResponse {
        self.build(StatusCode::SERVICE_UNAVAILABLE).finish()
    }

    fn redirect(&self, location: &str) -> HttpResponseBuilder {
        let status = match self.kind {
            Kind::Request => StatusCode::UNAUTHORIZED,
            Kind::Forward | Kind::ExtAuthz => StatusCode::SEE_OTHER,
        };
        let mut response = self.build(status);
        response.insert_header((LOCATION, location));
        response
    }

    /// To another address of the app.
    pub fn send_to(&self, origin: &str, target: &str, cookie: Option<&Cookie<'_>>) -> HttpResponse {
        let mut response = self.redirect(&format!("{origin}{target}"));
        if let Some(cookie) = cookie {
            response.cookie(cookie.clone().into_owned());
        }
        response.finish()
    }

    /// To `/handover`, and from there back to the app.
    pub fn start_handover(
        &self,
        gateway: &Gateway,
        original: &OriginalRequest<'_>,
        started: StartedHandover,
    ) -> HttpResponse {
        let mut handover = public(gateway, paths::HANDOVER, REQUEST, &started.request);
        if let Some(probe) = probe(original) {
            let length = handover.len();
            let answer = gateway.sessions.answer_probe(probe, self.client, length);
            handover.push_str(&answer.unwrap_or_default());
        }
        let mut response = self.redirect(&handover);
        response.cookie(started.cookie);
        response.finish()
    }
}

/// What `doorward check --through` asks, if this request is one of its.
fn probe<'a>(original: &'a OriginalRequest<'_>) -> Option<&'a str> {
    let mut pairs = original.target.query.as_deref()?.split('&');
    pairs.find_map(|pair| pair.strip_prefix(PROBE)?.strip_prefix('='))
}

/// An address of ours for browsers.
pub(super) fn public(gateway: &Gateway, path: &str, name: &str, value: &str) -> String {
    let origin = gateway.public_url.origin();
    let path = gateway.public_url.at(path);
    let value: String = byte_serialize(value.as_bytes()).collect();
    format!("{origin}{path}?{name}={value}")
}
