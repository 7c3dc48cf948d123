//! The responses to proxies that keep a request from an app: the visitor must sign in, or may not.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, LOCATION, VARY, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::respond::{Responder, public};
use crate::gateway::decision::{Asker, Unmet, cors_origin};
use crate::gateway::kind::Kind;
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::rules::Rule;
use crate::http::gateway::{Gateway, RequestHeaders};
use crate::http::handlers::refused::WHY;
use crate::http::paths;
use crate::session::RefusedVisit;

/// The longest `WWW-Authenticate`, in bytes: a proxy's buffer has 4 KiB or so for all headers.
const CHALLENGE_LIMIT: usize = 1024;

/// The error of a sign-in that is not enough (RFC 9470, 3).
const INSUFFICIENT: &str = "insufficient_user_authentication";

impl Responder {
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
