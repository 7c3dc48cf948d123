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
    let (code, rest) = match take_code(query) {
        Codes::None => return None,
        Codes::One(code, rest) => (code, rest),
        Codes::Several => {
            record.set(Outcome::Refused, "code_forged");
            return Some(responder.forbidden());
        }
    };
    if original.method != "GET" {
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
    let host = original.host.as_str();
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
    log::error!("a handover failed: {cause}");
    responder.unavailable()
}

/// Where a person wants to be after signing in: what they asked for. The body of a POST is lost, so after one it is the page
/// that it was sent from, if that is the app's.
pub fn wanted(original: &OriginalRequest<'_>, headers: &RequestHeaders<'_>) -> String {
    let own = || match original.target.query.as_deref() {
        Some(query) => format!("{}?{query}", original.target.path),
        None => original.target.path.to_string(),
    };
    if original.method != "POST" {
        return own();
    }
    let referer = headers
        .hint("referer")
        .and_then(|referer| url::Url::parse(referer).ok());
    let referer =
        referer.filter(|referer| referer.origin().ascii_serialization() == original.origin());
    referer.map_or_else(own, |referer| {
        referer[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Codes<'q> {
    None,
    /// The code, and the query as it was before it was added: nothing if there was none.
    One(&'q str, Option<String>),
    Several,
}

fn take_code(query: &str) -> Codes<'_> {
    let is_code = |pair: &&str| {
        pair.strip_prefix(CODE)
            .is_some_and(|rest| rest.starts_with('='))
    };
    let mut codes = query.split('&').filter(is_code);
    match (codes.next(), codes.next()) {
        (None, _) => Codes::None,
        (Some(_), Some(_)) => Codes::Several,
        (Some(pair), None) => {
            let rest: Vec<&str> = query.split('&').filter(|other| !is_code(other)).collect();
            let rest = (query != pair).then(|| rest.join("&"));
            Codes::One(&pair[CODE.len() + 1..], rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_comes_back_exactly() {
        let one = |code, rest: Option<&str>| Codes::One(code, rest.map(str::to_owned));
        for (query, codes) in [
            ("", Codes::None),
            ("a=b", Codes::None),
            ("_doorwardx=1&x_doorward=2&_doorward", Codes::None),
            ("_doorward=c", one("c", None)),
            ("&_doorward=c", one("c", Some(""))),
            ("a=b&_doorward=c", one("c", Some("a=b"))),
            ("a=b&_doorward=c&d", one("c", Some("a=b&d"))),
            ("_doorward=", one("", None)),
            ("_doorward=c&_doorward=c", Codes::Several),
            ("_doorward=c&a&_doorward=d", Codes::Several),
        ] {
            assert_eq!(take_code(query), codes, "{query}");
        }
    }
}
