//! A tab that must sign in leaves an app for `/handover`, and comes back with a code.

use actix_web::HttpResponse;

use super::codes::without_codes;
use super::record::{Outcome, Record};
use super::respond::Responder;
use crate::gateway::Headers;
use crate::gateway::decision::Asker;
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::path::{Target, is_rewritten_by_browsers};
use crate::http::gateway::{Gateway, RequestHeaders};
use crate::session::{AppCookies, NewHandover, Start};

/// Sends a tab to `/handover`. The code comes back to this very path, which the proxy asks us about: on a host where other
/// paths bypass us, it must not go to one of these. So a tab can't be sent from a path that browsers would not ask for again,
/// or that is too long: it gets a link to sign in, as a frame does.
pub fn depart(
    gateway: &Gateway,
    original: &OriginalRequest<'_>,
    headers: &RequestHeaders<'_>,
    cookies: &AppCookies<'_>,
    start: Start,
    responder: &Responder,
    record: &mut Record,
) -> HttpResponse {
    let target = without_codes(&original.target);
    let page = page_that_posted(original, headers);
    let new = NewHandover {
        origin: &original.origin(),
        host: original.host.as_str(),
        target: &target,
        is_post: original.method == "POST",
        return_to: page.as_deref(),
        start,
    };
    let started = match is_rewritten_by_browsers(&original.target.path) {
        true => None,
        false => gateway.sessions.start_handover(&new, cookies),
    };
    match started {
        Some(started) => {
            record.set(Outcome::SignIn, "");
            responder.start_handover(gateway, original, started)
        }
        None => {
            record.set(Outcome::Unauthenticated, "");
            let home = OriginalRequest {
                target: Target::parse(b"/").expect("a slash is a path"),
                ..original.clone()
            };
            responder.unauthenticated(gateway, &home, None, headers, Asker::Frame, None)
        }
    }
}

/// The body of a POST is lost, so after one the person goes to the page that it was sent from, if that is the app's.
fn page_that_posted(
    original: &OriginalRequest<'_>,
    headers: &RequestHeaders<'_>,
) -> Option<String> {
    let referer = headers
        .hint("referer")
        .filter(|_| original.method == "POST");
    let referer = url::Url::parse(referer?).ok()?;
    let is_ours = referer.origin().ascii_serialization() == original.origin();
    let target =
        Target::parse(referer[url::Position::BeforePath..url::Position::AfterQuery].as_bytes())
            .map(|target| without_codes(&target));
    target.filter(|_| is_ours)
}
