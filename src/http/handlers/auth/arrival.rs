//! A request to an app that brings the code of a handover.

use actix_web::HttpResponse;

use super::record::{Outcome, Record};
use super::respond::Responder;
use crate::gateway::Headers;
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
                record.user_id = Some(visit.user.id.clone());
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
                record.set(Outcome::SignIn, "");
                return Some(responder.start_handover(gateway, original, &target, cookies, true));
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

/// Where a person wants to be after signing in: what they asked for. The body of a POST is lost, so after one it is the page
/// that it was sent from, if that is the app's. Without any code, or the one that is added would be one of several.
pub fn wanted(original: &OriginalRequest<'_>, headers: &RequestHeaders<'_>) -> String {
    let own = || without_codes(&original.target.path, original.target.query.as_deref());
    if original.method != "POST" {
        return own();
    }
    let referer = headers
        .hint("referer")
        .and_then(|referer| url::Url::parse(referer).ok());
    let referer =
        referer.filter(|referer| referer.origin().ascii_serialization() == original.origin());
    referer.map_or_else(own, |referer| {
        without_codes(referer.path(), referer.query())
    })
}

fn without_codes(path: &str, query: Option<&str>) -> String {
    match query.and_then(|query| take_codes(query).1) {
        Some(rest) => format!("{path}?{rest}"),
        None => path.to_owned(),
    }
}

/// The codes, and the query as it was before they were added: nothing if there was none.
fn take_codes(query: &str) -> (Vec<&str>, Option<String>) {
    let mut codes = Vec::new();
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.strip_prefix(CODE).and_then(|it| it.strip_prefix('=')) {
            Some(code) => codes.push(code),
            None => rest.push(pair),
        }
    }
    (codes, (!rest.is_empty()).then(|| rest.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_comes_back_exactly() {
        for (query, codes, rest) in [
            ("", &[][..], Some("")),
            ("a=b", &[], Some("a=b")),
            (
                "_doorwardx=1&x_doorward=2&_doorward",
                &[],
                Some("_doorwardx=1&x_doorward=2&_doorward"),
            ),
            ("_doorward=c", &["c"], None),
            ("&_doorward=c", &["c"], Some("")),
            ("a=b&_doorward=c", &["c"], Some("a=b")),
            ("a=b&_doorward=c&d", &["c"], Some("a=b&d")),
            ("_doorward=", &[""], None),
            ("_doorward=c&_doorward=c", &["c", "c"], None),
            ("_doorward=c&a&_doorward=d", &["c", "d"], Some("a")),
        ] {
            let expected = (codes.to_vec(), rest.map(str::to_owned));
            assert_eq!(take_codes(query), expected, "{query}");
        }
    }
}
