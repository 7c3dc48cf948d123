//! Whether a request may go on to its app: its session and the rules decide.

use std::sync::Arc;

use actix_web::HttpResponse;

use super::arrival::{arrive, may_bring_a_code};
use super::departure::depart;
use super::record::{Outcome, Record, refusal};
use super::respond::Responder;
use crate::db;
use crate::gateway::decision::{Asker, Decision, asker, decide};
use crate::gateway::original_request::OriginalRequest;
use crate::http::gateway::{Gateway, RequestHeaders, app_headers, visitor};
use crate::session::{CachedSession, Start};

/// The response to the question whether `original` may go on.
pub async fn judge(
    gateway: &Gateway,
    original: &OriginalRequest<'_>,
    headers: &RequestHeaders<'_>,
    responder: &Responder,
    record: &mut Record,
) -> HttpResponse {
    let host = original.host.as_str();
    let cookies = gateway.sessions.app_cookies(host, headers.0);
    let key_hash = gateway.sessions.app_session(host, &cookies);
    let visit = match visit(gateway, key_hash.as_deref()).await {
        Ok(visit) => visit,
        Err(cause) => {
            record.set(Outcome::Error, "database");
            // The outage itself is logged where the query failed.
            log::debug!("a check failed: {cause}");
            return responder.unavailable();
        }
    };
    if may_bring_a_code(original) {
        let visit = visit.as_deref();
        let arrival = arrive(
            gateway, original, headers, &cookies, visit, responder, record,
        );
        // Boxed, so that the other requests carry no room for it.
        if let Some(response) = Box::pin(arrival).await {
            return response;
        }
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
            let asker = asker(original, headers);
            responder.refused(gateway, original, rule, headers, asker, refusal.reason())
        }
    }
}

/// The session with this key hash, if it has not ended and the provider has not said that its person is no longer welcome.
async fn visit(
    gateway: &Gateway,
    key_hash: Option<&str>,
) -> Result<Option<Arc<CachedSession>>, db::Error> {
    let Some(key_hash) = key_hash else {
        return Ok(None);
    };
    match gateway.sessions.app_visit(key_hash).await? {
        Some(visit) => Ok(gateway.refresh_tokens.still_welcome(key_hash, visit).await),
        None => Ok(None),
    }
}
