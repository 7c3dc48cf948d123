//! The responses to proxies. Each kind of proxy takes other statuses for "no": nginx only 401 and 403.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HeaderName,
    HeaderValue, LOCATION, VARY, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, HttpResponseBuilder};
use std::net::IpAddr;
use url::form_urlencoded::byte_serialize;

use crate::gateway::decision::{Asker, Unmet, cors_origin};
use crate::gateway::kind::Kind;
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::rules::Rule;
use crate::http::gateway::{Gateway, RequestHeaders};
use crate::http::handlers::handover::REQUEST;
use crate::http::handlers::refused::WHY;
use crate::http::paths;
use crate::observe::request_id::RequestId;
use crate::session::{AppHeaders, PROBE, RefusedVisit, StartedHandover};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The signed identity.
const X_DOORWARD_JWT: HeaderName = HeaderName::from_static("x-doorward-jwt");

/// The longest `WWW-Authenticate`, in bytes: a proxy's buffer has 4 KiB or so for all headers.
const CHALLENGE_LIMIT: usize = 1024;

/// The error of a sign-in that is not enough (RFC 9470, 3).
const INSUFFICIENT: &str = "insufficient_user_authentication";

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

    fn build(&self, status: StatusCode) -> HttpResponseBuilder {
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

    /// Somebody must sign in, or sign in again for what is `unmet` (RFC 9470, 3), and a redirect would be of no use.
    pub fn unauthenticated(
        &self,
        gateway: &Gateway,
        original: &OriginalRequest<'_>,
        rule: Option<&Rule>,
        headers: &RequestHeaders<'_>,
        asker: Asker,
        unmet: Option<Unmet>,
    ) -> HttpResponse {
        let realm = original.host.as_str();
        let (path, error) = match unmet {
            None => (paths::LOGIN, "sign_in_needed"),
            Some(_) => (paths::STEP_UP, INSUFFICIENT),
        };
        let needed = unmet.and(rule).map_or_else(String::new, needed);
        let (url, origin) = (original.url(), original.origin());
        let without_query = url.split('?').next().unwrap_or_default().to_owned();
        let challenge = |wanted: &str| {
            let sign_in = public(gateway, path, "return_to", wanted);
            let challenge = format!("Doorward realm=\"{realm}\"{needed}, sign_in=\"{sign_in}\"");
            (challenge, sign_in)
        };
        let fitting = [url, without_query]
            .into_iter()
            .map(|wanted| challenge(&wanted));
        let (challenge, sign_in) = fitting
            .into_iter()
            .find(|(challenge, _)| challenge.len() <= CHALLENGE_LIMIT)
            .unwrap_or_else(|| challenge(&origin));
        let mut response = self.build(StatusCode::UNAUTHORIZED);
        response.insert_header((WWW_AUTHENTICATE, challenge));
        allow_origin(&mut response, rule, headers);
        match asker {
            Asker::Frame => response.content_type("text/html; charset=utf-8").body(format!(
                "<!doctype html><title>Sign in</title>\n<p><a href=\"{}\" target=\"_blank\" rel=\"noopener\">Sign in</a> in a new tab, then reload this page.\n",
                sign_in.replace('&', "&amp;")
            )),
            Asker::Navigation | Asker::Program => response.json(serde_json::json!({
                "error": error,
                "sign_in": sign_in,
            })),
        }
    }

    /// The person may not: a page says why, to those who can read it.
    pub fn refused(
        &self,
        gateway: &Gateway,
        original: &OriginalRequest<'_>,
        rule: Option<&Rule>,
        headers: &RequestHeaders<'_>,
        asker: Asker,
        reason: &'static str,
    ) -> HttpResponse {
        if asker != Asker::Navigation {
            let mut response = self.build(StatusCode::FORBIDDEN);
            allow_origin(&mut response, rule, headers);
            return response.json(serde_json::json!({ "error": "refused", "reason": reason }));
        }
        let path = &original.target.path;
        let refused = RefusedVisit::new(original.origin(), path, reason);
        let why = gateway.sessions.seal_refused_visit(&refused);
        let location = public(gateway, paths::REFUSED, WHY, &why);
        let status = match self.kind {
            Kind::Request => StatusCode::FORBIDDEN,
            Kind::Forward | Kind::ExtAuthz => StatusCode::SEE_OTHER,
        };
        let mut response = self.build(status);
        response.insert_header((LOCATION, location)).finish()
    }
}

/// What `doorward check --through` asks, if this request is one of its.
fn probe<'a>(original: &'a OriginalRequest<'_>) -> Option<&'a str> {
    let mut pairs = original.target.query.as_deref()?.split('&');
    pairs.find_map(|pair| pair.strip_prefix(PROBE)?.strip_prefix('='))
}

/// What a rule requires of the sign-in, as RFC 9470, 3 says it.
fn needed(rule: &Rule) -> String {
    let mut needed = format!(", error=\"{INSUFFICIENT}\"");
    if !rule.acr.is_empty() {
        needed.push_str(&format!(", acr_values=\"{}\"", rule.acr.join(" ")));
    }
    if let Some(max_age) = rule.max_age {
        needed.push_str(&format!(", max_age=\"{}\"", max_age.as_secs()));
    }
    needed
}

/// An address of ours for browsers.
fn public(gateway: &Gateway, path: &str, name: &str, value: &str) -> String {
    let origin = gateway.public_url.origin();
    let path = gateway.public_url.at(path);
    let value: String = byte_serialize(value.as_bytes()).collect();
    format!("{origin}{path}?{name}={value}")
}

/// A script of one of the rule's `cors_origins` may read this response (Fetch, 3.2).
fn allow_origin(
    response: &mut HttpResponseBuilder,
    rule: Option<&Rule>,
    headers: &RequestHeaders<'_>,
) {
    let Some(rule) = rule.filter(|rule| !rule.cors_origins.is_empty()) else {
        return;
    };
    response.insert_header((VARY, "Origin"));
    if let Some(origin) = cors_origin(rule, headers) {
        response.insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, origin));
        response.insert_header((ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"));
    }
}
