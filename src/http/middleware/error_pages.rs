//! Turns errors into pages, and logs their cause with the target `doorward::error`.

use std::fmt;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};

use super::access_log::RequestLine;
use crate::http::error::Error;
use crate::http::error::refusals::Refusal;
use crate::http::pages::messages::Action;
use crate::http::pages::{ErrorPage, Pages};
use crate::http::paths;
use crate::http::route::{Errors, Route};
use crate::observe::logging::{Quoted, cut};
use crate::observe::request_id::RequestId;
use crate::public_url::PublicUrl;

/// The target of the log lines. It stays the same when this file moves.
const TARGET: &str = "doorward::error";

/// How much of a cause is logged, in characters: a part of it can come from outside.
const CAUSE_LIMIT: usize = 1000;

/// Whether the response is an error without a body of ours.
fn needs_body(response: &HttpResponse) -> bool {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_bare = matches!(response.body().size(), BodySize::None | BodySize::Sized(0));
    is_error && (is_bare || response.error().is_some())
}

/// Gives an error its body: a page, or a line of text if the table of routes says so. Only here are errors logged. The
/// response keeps its headers and cookies. The page shows the request's id as the reference, which is on each log line of the
/// request.
pub fn complete(
    pages: &Pages,
    public_url: &PublicUrl,
    response: HttpResponse,
    route: Option<&Route>,
    line: &RequestLine,
    id: RequestId,
) -> HttpResponse {
    if !needs_body(&response) {
        return response;
    }
    let status = response.status();
    let error = response.error().and_then(|error| error.as_error::<Error>());
    let refusal = error.map_or_else(|| Refusal::of_status(status), Refusal::of);
    match (error, response.error()) {
        // `db` has logged that queries fail: once, not for each of the many requests of an outage.
        (Some(error @ (Error::Database(_) | Error::Session(_))), _) => {
            log_error(log::Level::Debug, &refusal, error, line);
        }
        (Some(error), _) => log_error(level_of(status), &refusal, error, line),
        (None, Some(cause)) if status.is_server_error() => {
            log_error(log::Level::Error, &refusal, cause, line);
        }
        (None, None) if status.is_server_error() => {
            log_error(log::Level::Error, &refusal, &"", line);
        }
        _ => (),
    }
    let message = refusal.message;
    let action_url = match message.action {
        Action::SignInAgain => public_url.at(paths::LOGIN),
        Action::Home => public_url.at(paths::HOME),
    };
    let retry_after_secs = error.and_then(Error::retry_after_secs);
    let next = match retry_after_secs {
        Some(secs) => format!("Try again in {}.", in_words(secs)),
        None => message.next.to_owned(),
    };
    let page = ErrorPage {
        status: status.as_u16(),
        title: message.title,
        sentence: message.sentence,
        next,
        action_url,
        action_label: message.action.label(),
        reference: id.to_string(),
    };
    let is_text = route.is_some_and(|route| route.errors == Errors::Text);
    let body = match is_text {
        true => format!("{}\n", page.sentence),
        false => html(pages, &page),
    };
    let media_type = match is_text {
        true => "text/plain; charset=utf-8",
        false => "text/html; charset=utf-8",
    };
    let mut response = response.set_body(BoxBody::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // The address can have a code and a state in it, and the browser would send it with the request for the style sheet.
    let no_referrer = HeaderValue::from_static("no-referrer");
    headers.insert(header::REFERRER_POLICY, no_referrer);
    if let Some(secs) = retry_after_secs {
        let secs = HeaderValue::from(secs);
        response.headers_mut().insert(header::RETRY_AFTER, secs);
    }
    response
}

fn html(pages: &Pages, page: &ErrorPage) -> String {
    pages.render(page).unwrap_or_else(|cause| {
        log::error!(target: TARGET, "the error page can't be rendered: {cause}");
        format!("{} {}", page.title, page.sentence)
    })
}

fn in_words(secs: u64) -> String {
    match secs {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{secs} seconds"),
        _ => format!("{} minutes", secs.div_ceil(60)),
    }
}

fn level_of(status: StatusCode) -> log::Level {
    match status.is_server_error() {
        true => log::Level::Error,
        false => log::Level::Warn,
    }
}

/// The line says first what happened, then what an administrator can do about it.
fn log_error(level: log::Level, refusal: &Refusal, cause: &dyn fmt::Display, line: &RequestLine) {
    let RequestLine { method, path } = line;
    let cause = cause.to_string();
    let cause = cut(&cause, CAUSE_LIMIT);
    let status = refusal.status.as_u16();
    let (separator, hint) = match refusal.hint {
        "" => ("", ""),
        hint => ("; ", hint),
    };
    log::log!(
        target: TARGET, level,
        method = method.as_str(), path = path.as_str(), status;
        "{cause} ({method} {} {status}){separator}{hint}", Quoted(path)
    );
}
