//! `/auth/…` of the gateway's listener: a proxy asks whether a request may go on to its app.

mod arrival;
mod codes;
mod departure;
mod original;
mod record;
mod respond;

use std::time::Instant;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::gateway::decision::{Asker, Decision, decide};
use crate::gateway::kind::Kind;
use crate::gateway::original_request::OriginalRequest;
use crate::http::gateway::{Gateway, RequestHeaders, app_headers, visitor};
use crate::observe::request_id::{RequestContext, RequestId};
use departure::depart;
pub use record::Outcome;
use record::{Record, refusal};
use respond::Responder;

use crate::session::Start;

/// Caddy, Traefik and HAProxy ask.
pub async fn forward(gateway: Data<Gateway>, request: HttpRequest) -> HttpResponse {
    check(Kind::Forward, &gateway, &request).await
}

/// nginx asks.
pub async fn request(gateway: Data<Gateway>, request: HttpRequest) -> HttpResponse {
    check(Kind::Request, &gateway, &request).await
}

/// Envoy asks.
pub async fn ext_authz(gateway: Data<Gateway>, request: HttpRequest) -> HttpResponse {
    check(Kind::ExtAuthz, &gateway, &request).await
}

async fn check(kind: Kind, gateway: &Gateway, request: &HttpRequest) -> HttpResponse {
    let began = Instant::now();
    let _in_flight = gateway.shutdown.begin_request();
    let client = gateway
        .trusted_proxies
        .client(request.peer_addr(), request.headers());
    let name_requests = client.peer_is_trusted && gateway.trusted_proxies.name_requests;
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let context = RequestContext {
        id: RequestId::of(name_requests, header),
        address: client.ip,
    };
    let mut record = Record::default();
    let responder = Responder {
        kind,
        id: context.id,
        client: client.ip,
    };
    let examine = async {
        let response = match client.peer_is_trusted {
            true => examine(gateway, request, &responder, &mut record).await,
            false => {
                record.set(Outcome::Untrusted, "untrusted_peer");
                responder.forbidden()
            }
        };
        record.write(kind, began.elapsed());
        response
    };
    context.scope(examine).await
}

/// Everything about a request of a proxy that we trust.
async fn examine(
    gateway: &Gateway,
    request: &HttpRequest,
    responder: &Responder,
    record: &mut Record,
) -> HttpResponse {
    // nginx without `Content-Length ""` would let us read the next request as this one's body.
    if original::has_body(request) {
        record.set(Outcome::Malformed, "body");
        return responder.malformed(true);
    }
    let headers = RequestHeaders(request.headers());
    let original = match original::read(gateway, request, &headers, responder.kind) {
        Ok(original) => original,
        Err(malformed) => {
            record.set(Outcome::Malformed, malformed.part.reason());
            record.fault = Some(malformed);
            return responder.malformed(false);
        }
    };
    let response = answer(gateway, &original, &headers, responder, record).await;
    record.of_request(&original);
    response
}

/// The response to a question about `original`.
async fn answer(
    gateway: &Gateway,
    original: &OriginalRequest<'_>,
    headers: &RequestHeaders<'_>,
    responder: &Responder,
    record: &mut Record,
) -> HttpResponse {
    let host = original.host.as_str();
    let cookies = gateway.sessions.app_cookies(host, headers.0);
    let key_hash = gateway.sessions.app_session(host, &cookies);
    let visit = match &key_hash {
        Some(key_hash) => gateway.sessions.app_visit(key_hash).await,
        None => Ok(None),
    };
    let visit = match (visit, &key_hash) {
        (Ok(Some(visit)), Some(key_hash)) => {
            let tokens = &gateway.refresh_tokens;
            tokens.still_welcome(key_hash, visit).await
        }
        (Ok(visit), _) => visit,
        (Err(cause), _) => {
            record.set(Outcome::Error, "database");
            // The outage itself is logged where the query failed.
            log::debug!("a check failed: {cause}");
            return responder.unavailable();
        }
    };
    if let Some(response) = arrival::arrive(
        gateway,
        original,
        headers,
        &cookies,
        visit.as_deref(),
        responder,
        record,
    )
    .await
    {
        return response;
    }
    let visitor = visit.as_ref().map(|session| visitor(session));
    let rules = gateway.access.rules.load();
    let user_name = gateway.access.user_name;
    let decision = decide(
        &rules,
        original,
        headers,
        responder.client_of_rules(gateway),
        visitor.as_ref(),
        user_name,
        gateway.sessions.now(),
    );
    record.visit.clone_from(&visit);
    if let (Some((rule, reason)), Some(visit)) = (refusal(&decision), &visit) {
        let audit = &gateway.audit;
        audit.access_refused(&visit.user, host, rule, reason).await;
    }
    match decision {
        Decision::Allowed(rule) => {
            record.allowed(rule);
            // Whom the app can't name is nobody to it.
            let named = visitor.filter(|visitor| user_name.of(visitor).is_some());
            let token = || {
                let (tokens, sessions) = (gateway.access.tokens.as_ref()?, &gateway.sessions);
                let (key_hash, visit) = (key_hash.as_ref()?, visit.as_ref()?);
                Some(tokens.token(sessions, key_hash, visit, named.as_ref()?, original))
            };
            let headers = app_headers(visit.as_deref(), named.as_ref(), user_name);
            responder.allowed(headers, token())
        }
        Decision::Preflight(rule) => {
            record.allowed(rule);
            responder.allowed(app_headers(None, None, user_name), None)
        }
        Decision::NeedsSignIn(rule, asker) => {
            record.rule(rule);
            match asker {
                Asker::Navigation => depart(
                    gateway,
                    original,
                    headers,
                    &cookies,
                    Start::SignIn,
                    responder,
                    record,
                ),
                Asker::Frame | Asker::Program => {
                    record.set(Outcome::Unauthenticated, "");
                    responder.unauthenticated(gateway, original, Some(rule), headers, asker, None)
                }
            }
        }
        Decision::NeedsStepUp(rule, asker, unmet) => {
            record.rule(rule);
            match asker {
                Asker::Navigation => {
                    let start = Start::StepUp;
                    depart(
                        gateway, original, headers, &cookies, start, responder, record,
                    )
                }
                Asker::Frame | Asker::Program => {
                    record.set(Outcome::Unauthenticated, unmet.reason());
                    let (rule, unmet) = (Some(rule), Some(unmet));
                    responder.unauthenticated(gateway, original, rule, headers, asker, unmet)
                }
            }
        }
        Decision::Refused(rule, refusal) => {
            if let Some(rule) = rule {
                record.rule(rule);
            }
            record.set(Outcome::Refused, refusal.reason());
            let asker = crate::gateway::decision::asker(original, headers);
            responder.refused(gateway, original, rule, headers, asker, refusal.reason())
        }
    }
}
