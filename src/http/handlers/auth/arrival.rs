//! A request to an app that brings the code of a handover.

use actix_web::HttpResponse;

use super::codes::take_codes;
use super::departure::depart;
use super::record::{Outcome, Record};
use super::respond::Responder;
use crate::gateway::decision::{Asker, Decision, Unmet, asker, decide};
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::path::Target;
use crate::http::gateway::{Gateway, RequestHeaders, visitor};
use crate::http::handlers::handover::CODE;
use crate::session::{AppCookies, CachedSession, CodeFault, HandoverError, Start};

/// Whether a request may have a code.
pub fn may_bring_a_code(original: &OriginalRequest<'_>) -> bool {
    let query = original.target.query.as_deref();
    query.is_some_and(|query| query.contains(CODE))
}

/// The response to a request with a code; nothing if it has none, or is to go on as any other.
pub async fn arrive(
    gateway: &Gateway,
    original: &OriginalRequest<'_>,
    headers: &RequestHeaders<'_>,
    cookies: &AppCookies<'_>,
    visit: Option<&CachedSession>,
    responder: &Responder,
    record: &mut Record,
) -> Option<HttpResponse> {
    let query = original.target.query.as_deref()?;
    let (codes, rest) = take_codes(query);
    let code = *codes.first()?;
    let host = original.host.as_str();
    let is_get = original.method == "GET";
    let is_navigation = asker(original, headers) == Asker::Navigation;
    if codes.len() > 1 || !is_get || visit.is_some() && !is_navigation {
        // It opens nothing here, and must not open anything for somebody who has read it elsewhere.
        for code in &codes {
            if let Err(cause) = gateway.sessions.spend_code(host, code).await {
                return Some(unavailable(responder, record, &cause));
            }
        }
    }
    if codes.len() > 1 {
        record.set(Outcome::Refused, "code_forged");
        return Some(responder.forbidden());
    }
    if !is_get || visit.is_some() && !is_navigation {
        return None;
    }
    let target = match rest {
        Some(rest) => format!("{}?{rest}", original.target.path),
        None => original.target.path.to_string(),
    };
    let unmet = |target: &str, visit: &CachedSession| {
        unmet_at(gateway, &at(original, target)?, headers, responder, visit)
    };
    let reason = match gateway.sessions.finish_handover(host, code, cookies).await {
        Ok(arrived) => match gateway.sessions.app_visit(&arrived.key_hash).await {
            Ok(Some(visit)) => {
                record.visit = Some(visit.clone());
                let target = arrived.target.as_deref().unwrap_or(&target);
                // It began because a session was not enough. If this one is not either, it would begin again and again.
                let unmet = arrived.is_step_up.then(|| unmet(target, &visit)).flatten();
                if let Some((rule, unmet)) = unmet {
                    let (audit, reason) = (&gateway.audit, unmet.reason());
                    audit.access_refused(&visit.user, host, &rule, reason).await;
                    record.set(Outcome::Refused, reason);
                    let (plain, asker) = (at(original, target)?, Asker::Navigation);
                    return Some(responder.refused(gateway, &plain, None, headers, asker, reason));
                }
                record.set(Outcome::Arrived, "");
                gateway.audit.app_entered(&visit.user, host).await;
                return Some(responder.send_to(&original.origin(), target, Some(&arrived.cookie)));
            }
            // It has ended meanwhile; or it goes on with another key, after a step-up in another tab.
            Ok(None)
                if is_navigation
                    && !arrived.is_retry
                    && (visit.is_none() || arrived.is_step_up) =>
            {
                let start = Start::Retry;
                let departure = depart(
                    gateway, original, headers, cookies, start, responder, record,
                );
                return Some(departure);
            }
            Ok(None) => "code_no_session",
            Err(cause) => return Some(unavailable(responder, record, &cause)),
        },
        Err(HandoverError::Database(cause)) => return Some(unavailable(responder, record, &cause)),
        Err(HandoverError::Forged | HandoverError::RequestExpired(_)) => "code_forged",
        Err(HandoverError::Code { fault, is_retry }) => {
            // More tabs than places: the browser keeps cookies, so another try ends.
            let has_pending = is_navigation && cookies.pending_count() > 0;
            if has_pending && !is_retry && visit.is_none() {
                let start = Start::Retry;
                let departure = depart(
                    gateway, original, headers, cookies, start, responder, record,
                );
                return Some(departure);
            }
            match fault {
                CodeFault::Expired => "code_expired",
                CodeFault::Used => "code_used",
                CodeFault::OtherBrowser => "code_other_browser",
            }
        }
    };
    // A page that was reloaded, or a bookmark. Not if the session is not enough: that would begin again and again.
    if visit.is_some_and(|visit| unmet(&target, visit).is_none()) {
        record.set(Outcome::Arrived, "");
        return Some(responder.send_to(&original.origin(), &target, None));
    }
    record.set(Outcome::Refused, reason);
    let asker = asker(original, headers);
    Some(responder.refused(
        gateway,
        &at(original, &target)?,
        None,
        headers,
        asker,
        reason,
    ))
}

/// The same request for another target.
fn at<'a>(original: &OriginalRequest<'a>, target: &'a str) -> Option<OriginalRequest<'a>> {
    Some(OriginalRequest {
        target: Target::parse(target.as_bytes())?,
        ..original.clone()
    })
}

/// What the sign-in of `visit` lacks there, and the name of the rule that says so.
fn unmet_at(
    gateway: &Gateway,
    original: &OriginalRequest<'_>,
    headers: &RequestHeaders<'_>,
    responder: &Responder,
    visit: &CachedSession,
) -> Option<(String, Unmet)> {
    let (rules, now) = (gateway.access.rules.load(), gateway.sessions.now());
    let (client, user_name) = (responder.client_of_rules(gateway), gateway.access.user_name);
    let visitor = Some(&visitor(visit));
    match decide(&rules, original, headers, client, visitor, user_name, now) {
        Decision::NeedsStepUp(rule, _, unmet) => Some((rule.name.clone(), unmet)),
        _ => None,
    }
}

fn unavailable(
    responder: &Responder,
    record: &mut Record,
    cause: &crate::db::Error,
) -> HttpResponse {
    record.set(Outcome::Error, "database");
    log::debug!("a handover failed: {cause}");
    responder.unavailable()
}
