//! Whether a request may go on to the app. Pure: what the request says, the rules, the visitor and the time in; a decision
//! out.

use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;

use super::Headers;
use super::identity::UserName;
use super::original_request::OriginalRequest;
use super::rules::people::Fit;
use super::rules::{Allow, Rule, Rules, Selected};
use super::visitor::Visitor;

/// How far ahead of ours the provider's clock may be.
const CLOCK_SKEW: time::Duration = time::Duration::MINUTE;

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'r> {
    /// It goes on to the app, as a request of the visitor if there is one.
    Allowed(&'r Rule),
    /// It is a preflight of one of the rule's `cors_origins` (Fetch, 4.8). It goes on, as nobody's request.
    Preflight(&'r Rule),
    /// Somebody must sign in first.
    NeedsSignIn(&'r Rule, Asker),
    /// The person must sign in again, in a stronger way or more recently (RFC 9470).
    NeedsStepUp(&'r Rule, Asker, Unmet),
    /// It does not go on.
    Refused(Option<&'r Rule>, Refusal),
}

/// What in the browser asks, so what it can do with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// A tab: it can be sent elsewhere.
    Navigation,
    /// A frame: providers do not show their page in one.
    Frame,
    /// A script, an image, a WebSocket, a program.
    Program,
}

/// What a sign-in lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unmet {
    /// It is longer ago than the rule's `max_age`, or nobody knows when it was.
    TooLongAgo,
    /// Its `acr` is none of the rule's.
    Acr,
}

impl Unmet {
    /// Its name in logs.
    pub fn reason(self) -> &'static str {
        match self {
            Unmet::TooLongAgo => "too_long_ago",
            Unmet::Acr => "acr",
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No rule's place fits it.
    NoRule,
    /// The rule is not for this person, or for nobody.
    NotAllowed,
    /// The rule would be for this person if their email was verified.
    EmailNotVerified,
    /// The person lacks what the app knows them by (`GATEWAY_USER`).
    NoUserName,
    /// Apps may read its path or method in ways that lead to different rules.
    AmbiguousPath,
}

impl Refusal {
    /// Its name in logs and in the audit.
    pub fn reason(self) -> &'static str {
        match self {
            Refusal::NoRule => "no_rule",
            Refusal::NotAllowed => "not_allowed",
            Refusal::EmailNotVerified => "email_not_verified",
            Refusal::NoUserName => "no_user_name",
            Refusal::AmbiguousPath => "ambiguous_path",
        }
    }
}

/// Decides about `request` of `visitor`, who comes from `client`.
pub fn decide<'r, H: Headers>(
    rules: &'r Rules,
    request: &OriginalRequest<'_>,
    headers: &H,
    client: Option<IpAddr>,
    visitor: Option<&Visitor<'_>>,
    user_name: UserName,
    now: OffsetDateTime,
) -> Decision<'r> {
    let announced = announced_method(request, headers);
    if let Some(rule) =
        announced.and_then(|method| match rules.select_as(request, method, client) {
            Selected::Rule(rule) => cors_origin(rule, headers).map(|_| rule),
            Selected::NoRule | Selected::Ambiguous => None,
        })
    {
        return Decision::Preflight(rule);
    }
    let rule = match rules.select(request, client) {
        Selected::Rule(rule) => rule,
        Selected::NoRule => return Decision::Refused(None, Refusal::NoRule),
        Selected::Ambiguous => return Decision::Refused(None, Refusal::AmbiguousPath),
    };
    match (&rule.allow, visitor) {
        (Allow::Public, _) => Decision::Allowed(rule),
        (Allow::Nobody, _) => Decision::Refused(Some(rule), Refusal::NotAllowed),
        // A preflight never has a cookie: signing in would not help.
        (_, None) if announced.is_some() => Decision::Refused(Some(rule), Refusal::NotAllowed),
        (_, None) => Decision::NeedsSignIn(rule, asker(request, headers)),
        (_, Some(visitor)) => match judge(rule, visitor, user_name, now) {
            Ok(None) => Decision::Allowed(rule),
            Ok(Some(unmet)) => Decision::NeedsStepUp(rule, asker(request, headers), unmet),
            Err(refusal) => Decision::Refused(Some(rule), refusal),
        },
    }
}

/// Whether a person may enter what a rule guards; and if so, what their sign-in lacks.
///
/// # Errors
/// They may not, however they sign in.
pub fn judge(
    rule: &Rule,
    visitor: &Visitor<'_>,
    user_name: UserName,
    now: OffsetDateTime,
) -> Result<Option<Unmet>, Refusal> {
    match &rule.allow {
        Allow::Public => return Ok(None),
        Allow::SignedIn => (),
        Allow::Nobody => return Err(Refusal::NotAllowed),
        Allow::People(people) => match people.fit(visitor) {
            Fit::Yes => (),
            Fit::No => return Err(Refusal::NotAllowed),
            Fit::EmailNotVerified => return Err(Refusal::EmailNotVerified),
        },
    }
    if user_name.of(visitor).is_none() {
        return Err(Refusal::NoUserName);
    }
    if !rule.acr.is_empty()
        && !visitor
            .acr
            .is_some_and(|acr| rule.acr.iter().any(|it| it == acr))
    {
        return Ok(Some(Unmet::Acr));
    }
    match rule.max_age {
        Some(max_age) if !is_recent(visitor.auth_time, max_age, now) => Ok(Some(Unmet::TooLongAgo)),
        _ => Ok(None),
    }
}

/// A time that is still to come was made up, or by a clock that is wrong.
fn is_recent(auth_time: Option<OffsetDateTime>, max_age: Duration, now: OffsetDateTime) -> bool {
    auth_time.is_some_and(|auth_time| auth_time <= now + CLOCK_SKEW && now - auth_time <= max_age)
}

/// The method of the request that a preflight announces. One that overrides its own method is none, since no browser sends it.
fn announced_method<'h, H: Headers>(
    request: &OriginalRequest<'_>,
    headers: &'h H,
) -> Option<&'h str> {
    let is_preflight = request.method == "OPTIONS"
        && request.method_overrides.is_empty()
        && only(headers, "origin").is_some();
    is_preflight.then(|| only(headers, "access-control-request-method"))?
}

/// The request's origin, if it is one of the rule's `cors_origins`.
pub fn cors_origin<'h, H: Headers>(rule: &Rule, headers: &'h H) -> Option<&'h str> {
    let origin = only(headers, "origin")?;
    rule.cors_origins
        .iter()
        .any(|it| it == origin)
        .then_some(origin)
}

/// The value of a header that is there once.
fn only<'h, H: Headers>(headers: &'h H, name: &'static str) -> Option<&'h str> {
    let mut values = headers.values(name);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    std::str::from_utf8(value).ok()
}

/// What in the browser asks.
pub fn asker<H: Headers>(request: &OriginalRequest<'_>, headers: &H) -> Asker {
    let is_there = |name| headers.values(name).next().is_some();
    let mode = headers.hint("sec-fetch-mode");
    let is_program = request.is_websocket
        || is_there("sec-websocket-key")
        || is_there("sec-purpose")
        || mode == Some("websocket")
        || headers
            .hint("content-type")
            .is_some_and(|it| it.starts_with("application/grpc"))
        || !matches!(request.method, "GET" | "HEAD" | "POST");
    match mode {
        _ if is_program => Asker::Program,
        Some("navigate") => match headers.hint("sec-fetch-dest") {
            None | Some("document") => Asker::Navigation,
            Some("iframe" | "frame" | "embed" | "object") => Asker::Frame,
            Some(_) => Asker::Program,
        },
        Some(_) => Asker::Program,
        // Old browsers, and plain http.
        None if accepts_html(headers) && !is_there("x-requested-with") => Asker::Navigation,
        None => Asker::Program,
    }
}

/// `*/*` is what programs send.
fn accepts_html<H: Headers>(headers: &H) -> bool {
    headers.values("accept").any(|accept| {
        let mut types = accept.split(|byte| *byte == b',');
        types.any(|entry| {
            let name = entry.split(|byte| *byte == b';').next().unwrap_or_default();
            let name = name.trim_ascii();
            name.eq_ignore_ascii_case(b"text/html")
                || name.eq_ignore_ascii_case(b"application/xhtml+xml")
        })
    })
}

#[cfg(test)]
mod tests;
