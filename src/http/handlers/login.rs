//! `/login`: starts a sign-in and redirects to the provider. A person opens it, or a third party sends them (OpenID Connect
//! Core 4): Okta's dashboard, an activation mail.

use actix_web::error::ErrorBadRequest;
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::Url;

use crate::accounts::audit::Stage;
use crate::gateway::host::Scheme;
use crate::gateway::original_request::OriginalRequest;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::fetch_metadata::is_prefetch;
use crate::http::handlers::handover::REQUEST;
use crate::http::handlers::posted::{media_type, read_body};
use crate::http::handlers::sign_in::{NewAttempt, start_sign_in};
use crate::http::handlers::{no_content, refuse};
use crate::http::paths;
use crate::observe::logging::cut;
use crate::oidc::Attempt;
use crate::public_url::PublicUrl;
use crate::session::ReturnTo;

/// The longest `login_hint` that is passed on, in characters.
const LOGIN_HINT_LIMIT: usize = 256;

/// How much of an address elsewhere is logged, in characters.
const ELSEWHERE_LIMIT: usize = 200;

/// The parameters of `/login`. Others are ignored: a link decides nothing else about the request to the provider.
#[derive(Deserialize)]
pub struct LoginParameters {
    /// Where the person wants to be after signing in.
    return_to: Option<String>,
    /// Likewise, from a third party that starts the sign-in: a whole URL.
    target_link_uri: Option<String>,
    /// The provider to sign in at, from a third party.
    iss: Option<String>,
    /// Who the person probably is, from a third party that starts the sign-in (OpenID Connect Core 4).
    login_hint: Option<String>,
}

/// `GET`: the parameters are in the query.
pub async fn login(
    app: Data<App>,
    request: HttpRequest,
    query: Query<LoginParameters>,
) -> Result<HttpResponse, Error> {
    if is_prefetch(request.headers()) {
        return Ok(no_content());
    }
    start(&app, &request, &query).await
}

/// `POST`: they are in a form, which any site may send. A sign-in that begins changes nothing, so no cookie is needed.
pub async fn login_by_post(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let body = read_body(payload).await.map_err(ErrorBadRequest)?;
    if !body.is_empty() && media_type(&request) != "application/x-www-form-urlencoded" {
        return Err(ErrorBadRequest("its body is not a form"));
    }
    let form = std::str::from_utf8(&body).map_err(ErrorBadRequest)?;
    let form = Query::<LoginParameters>::from_query(form)?;
    Ok(start(&app, &request, &form).await?)
}

async fn start(
    app: &App,
    request: &HttpRequest,
    parameters: &LoginParameters,
) -> Result<HttpResponse, Error> {
    let iss = parameters.iss.as_deref().filter(|iss| !iss.is_empty());
    if let Some(iss) = iss
        && iss != app.provider.issuer()
    {
        return Err(Error::OtherIssuer(cut(iss, ELSEWHERE_LIMIT).to_owned()));
    }
    let target = parameters.target_link_uri.as_deref();
    let target = target.filter(|target| !target.is_empty());
    let new = NewAttempt {
        attempt: Attempt::new(),
        return_to: match (&parameters.return_to, target) {
            (None, Some(target)) => target_link(app, target),
            (wanted, _) => return_to(app, wanted.as_deref()),
        },
        step_up: None,
        asks_again: false,
        login_hint: parameters
            .login_hint
            .as_deref()
            .filter(|hint| is_hint(hint)),
    };
    match start_sign_in(app, request, new).await {
        Ok(response) => Ok(response),
        Err(error) => Ok(refuse(app, error.at(Stage::NoAttempt)).await),
    }
}

/// Whether a `login_hint` is passed on: one that says something, in UTF-8.
fn is_hint(hint: &str) -> bool {
    let is_text = |c: char| !c.is_control() && c != char::REPLACEMENT_CHARACTER;
    (1..=LOGIN_HINT_LIMIT).contains(&hint.chars().count()) && hint.chars().all(is_text)
}

/// Where a third party wants the person to be: at a URL below `PUBLIC_URL`; otherwise at their profile.
fn target_link(app: &App, target: &str) -> ReturnTo {
    below_public_url(app, target).unwrap_or_else(|| {
        let target = cut(target, ELSEWHERE_LIMIT);
        log::warn!(
            "a target_link_uri is ignored; it must be a URL below PUBLIC_URL, with a path and query of at most {} bytes, \
             that does not sign in or out: {target:?}",
            ReturnTo::LIMIT
        );
        ReturnTo::ours(app.public_url.at(paths::PROFILE))
    })
}

fn below_public_url(app: &App, target: &str) -> Option<ReturnTo> {
    let wanted = after_origin(&app.public_url, target)?;
    let wanted = if wanted.is_empty() { "/" } else { wanted };
    let may_return_to = |path: &str| app.routes.may_return_to(path);
    let return_to = ReturnTo::parse(wanted, &app.public_url, may_return_to)?;
    // Judged as the browser will read it: without dots.
    let below = return_to.as_str().strip_prefix(app.public_url.base())?;
    let is_below = below.is_empty() || below.starts_with(['/', '?', '#']);
    (is_below && !climbs(below)).then_some(return_to)
}

/// What follows the origin in `url`, if that is ours, in letters of any case and with or without the usual port.
fn after_origin<'url>(public_url: &PublicUrl, url: &'url str) -> Option<&'url str> {
    let authority = url.find("://")? + 3;
    let path = url[authority..].find(['/', '?', '#']);
    let (origin, path) = url.split_at(path.map_or(url.len(), |path| authority + path));
    // Parsing drops some characters, and reads others as a slash or as the end of a name.
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !['\\', '@'].contains(&c);
    let is_ours = origin.chars().all(is_plain)
        && Url::parse(origin)
            .is_ok_and(|found| found.origin().ascii_serialization() == public_url.origin());
    is_ours.then_some(path)
}

/// Whether a proxy that decodes the path before it looks for dots would find that it leads upwards.
fn climbs(below: &str) -> bool {
    let path = below.split(['?', '#']).next().unwrap_or_default();
    let path: Vec<u8> = percent_decode_str(path).collect();
    path.split(|byte| *byte == b'/').any(|it| it == b"..")
}

/// Where the person wants to be after signing in: a page of ours, or an app behind the gateway; otherwise their profile.
pub fn return_to(app: &App, wanted: Option<&str>) -> ReturnTo {
    let here = |wanted| {
        ReturnTo::parse(wanted, &app.public_url, |path| {
            app.routes.may_return_to(path)
        })
    };
    wanted
        .and_then(|wanted| {
            let elsewhere = || at_an_app(app, wanted).or_else(|| handover(app, wanted));
            here(wanted).or_else(elsewhere)
        })
        .unwrap_or_else(|| ReturnTo::ours(app.public_url.at(paths::PROFILE)))
}

/// A handover, which can be longer than other addresses, since we made it.
fn handover(app: &App, wanted: &str) -> Option<ReturnTo> {
    let query = wanted.strip_prefix(&app.public_url.at(paths::HANDOVER))?;
    let sealed = query
        .strip_prefix('?')?
        .strip_prefix(REQUEST)?
        .strip_prefix('=')?;
    let request = app.sessions.open_handover_request(sealed).ok();
    request.map(|_| ReturnTo::ours(wanted.to_owned()))
}

/// The URL of an app whose host some rule names: for apps' links to sign in.
fn at_an_app(app: &App, wanted: &str) -> Option<ReturnTo> {
    let access = app.access.as_ref()?;
    let original = OriginalRequest::of_url("GET", wanted).ok()?;
    let is_safe = original.scheme == Scheme::Https || !app.public_url.is_https();
    let is_known = access.rules.load().knows_host(original.host.as_str());
    let url = original.url();
    (is_safe && is_known && url.len() <= ReturnTo::LIMIT).then(|| ReturnTo::ours(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters of any case and the usual port are the same origin.
    #[test]
    fn an_address_of_ours_is_found_as_a_browser_finds_it() {
        let public_url = PublicUrl::parse("https://App.example.com/doorward").unwrap();
        for (url, path) in [
            ("https://app.example.com/a?b#c", Some("/a?b#c")),
            ("https://App.example.com:443/a", Some("/a")),
            ("HTTPS://APP.EXAMPLE.COM:0443/a", Some("/a")),
            ("https://app.example.com", Some("")),
            ("https://app.example.com?a", Some("?a")),
            ("https://app.example.com:8443/a", None),
            ("http://app.example.com/a", None),
            ("https://app.example.com.evil.example/", None),
            ("https://app.example.com@evil.example/", None),
            ("https://ada@app.example.com/", None),
            ("https://evil.example\\@app.example.com/", None),
            ("https://app.example.com\\.evil.example/", None),
            ("https://app.example\t.com/", None),
            ("https:app.example.com/", None),
            ("//app.example.com/", None),
            ("/a", None),
            ("", None),
        ] {
            assert_eq!(after_origin(&public_url, url), path, "{url}");
        }
    }
}
