//! A request to an app that brings the code of a handover.

use actix_web::HttpResponse;

use super::codes::take_codes;
use super::departure::depart;
use super::record::{Outcome, Record};
use super::respond::Responder;
use crate::gateway::decision::{Asker, asker};
use crate::gateway::original_request::OriginalRequest;
use crate::http::gateway::{Gateway, RequestHeaders};
use crate::http::handlers::handover::CODE;
use crate::session::{AppCookies, CodeFault, HandoverError};

/// The response to a request with a code; nothing if it has none, or is to go on as any other.
pub async fn arrive(
    gateway: &Gateway,
    original: &OriginalRequest<'_>,
    headers: &RequestHeaders<'_>,
    cookies: &AppCookies<'_>,
    is_signed_in: bool,
    responder: &Responder,
    record: &mut Record,
) -> Option<HttpResponse> {
    let query = original.target.query.as_deref()?;
    if !query.contains(CODE) {
        return None;
    }
    let (codes, rest) = take_codes(query);
    let code = *codes.first()?;
    let host = original.host.as_str();
    let is_get = original.method == "GET";
    if codes.len() > 1 || !is_get || is_signed_in {
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
    if !is_get {
        return None;
    }
    let target = match rest {
        Some(rest) => format!("{}?{rest}", original.target.path),
        None => original.target.path.to_string(),
    };
    let is_navigation = asker(original, headers) == Asker::Navigation;
    if is_signed_in {
        // A page that was reloaded, or a bookmark.
        record.set(Outcome::Arrived, "");
        return is_navigation.then(|| responder.send_to(&original.origin(), &target, None));
    }
    let reason = match gateway.sessions.finish_handover(host, code, cookies).await {
        Ok(arrived) => match gateway.sessions.app_visit(&arrived.key_hash).await {
            Ok(Some(visit)) => {
                record.set(Outcome::Arrived, "");
                record.visit = Some(visit.clone());
                gateway.audit.app_entered(&visit.user, host).await;
                let target = arrived.target.as_deref().unwrap_or(&target);
                return Some(responder.send_to(&original.origin(), target, Some(&arrived.cookie)));
            }
            Ok(None) => "code_no_session",
            Err(cause) => return Some(unavailable(responder, record, &cause)),
        },
        Err(HandoverError::Database(cause)) => return Some(unavailable(responder, record, &cause)),
        Err(HandoverError::Forged | HandoverError::RequestExpired(_)) => "code_forged",
        Err(HandoverError::Code { fault, is_retry }) => {
            // More tabs than places: the browser keeps cookies, so another try ends.
            if is_navigation && !is_retry && cookies.pending_count() > 0 {
                let departure =
                    depart(gateway, original, headers, cookies, true, responder, record);
                return Some(departure);
            }
            match fault {
                CodeFault::Expired => "code_expired",
                CodeFault::Used => "code_used",
                CodeFault::OtherBrowser => "code_other_browser",
            }
        }
    };
    record.set(Outcome::Refused, reason);
    let asker = asker(original, headers);
    let plain = OriginalRequest {
        target: crate::gateway::path::Target::parse(target.as_bytes())?,
        ..original.clone()
    };
    Some(responder.refused(gateway, &plain, None, headers, asker, reason))
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
