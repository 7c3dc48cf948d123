//! `/sessions`: the browsers in which the person is signed in, and how to end that.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::accounts::browser::browser_name;
use crate::db::SessionEntry;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::fetch_metadata::is_cross_site;
use crate::http::handlers::logout::sign_out_and_redirect;
use crate::http::handlers::posted::read_form;
use crate::http::handlers::profile::minute;
use crate::http::handlers::redirect_to;
use crate::http::handlers::signed_in::sign_in_needed;
use crate::http::pages::{OwnSession, SessionsPage};
use crate::http::paths;
use crate::session::SignedIn;

/// Whether or not the session ever was, and whosever it was.
const ENDED_ALREADY: &str = "That session has ended already.";

pub async fn sessions(
    app: Data<App>,
    request: HttpRequest,
    person: SignedIn,
) -> Result<HttpResponse, Error> {
    list(&app, &request, &person, None).await
}

/// One of them: `session` is its id.
pub async fn end(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    if is_cross_site(request.headers(), &app.public_url) {
        return Err(Error::CrossSiteSignOut);
    }
    let person = person.ok_or_else(|| sign_in_needed(&request))?;
    // What can't be read names no session. Neither does a NUL, which Postgres takes in no text.
    let id = read_form(&request, payload, "session").await;
    let id = id.ok().filter(|id| !id.contains('\0')).unwrap_or_default();
    if still_there(&app, &request, &id).await? {
        return sign_out_and_redirect(&app, &request, Some(person)).await;
    }
    let revoke = |tokens| app.refresh_tokens.revoke_later(tokens);
    let ended = app.sessions.end_own(&person.user().id, id, revoke).await;
    match ended.map_err(Error::SignOut)? {
        true => Ok(redirect_to(&app.public_url.at(paths::SESSIONS))),
        false => list(&app, &request, &person, Some(ENDED_ALREADY)).await,
    }
}

/// All others than that of this browser.
pub async fn end_others(
    app: Data<App>,
    request: HttpRequest,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    if is_cross_site(request.headers(), &app.public_url) {
        return Err(Error::CrossSiteSignOut);
    }
    let person = person.ok_or_else(|| sign_in_needed(&request))?;
    still_there(&app, &request, "").await?;
    end_all_but_this(&app, &request, &person, false).await?;
    Ok(redirect_to(&app.public_url.at(paths::SESSIONS)))
}

/// All, and sign-ins that are under way. The person signs out of this browser last, and goes on to the provider.
pub async fn end_all(
    app: Data<App>,
    request: HttpRequest,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    if is_cross_site(request.headers(), &app.public_url) {
        return Err(Error::CrossSiteSignOut);
    }
    if let Some(person) = &person
        && is_own(&app, &request, "").await?.is_some()
    {
        end_all_but_this(&app, &request, person, true).await?;
    }
    sign_out_and_redirect(&app, &request, person).await
}

/// Whether `id` is that of this browser's session. Whoever has been signed out a moment ago, in another process, must not sign
/// out the one who did it.
async fn still_there(app: &App, request: &HttpRequest, id: &str) -> Result<bool, Error> {
    let is_own = is_own(app, request, id).await?;
    is_own.ok_or_else(|| sign_in_needed(request))
}

async fn is_own(app: &App, request: &HttpRequest, id: &str) -> Result<Option<bool>, Error> {
    let is_own = app.sessions.is_own(request, id.to_owned()).await;
    is_own.map_err(Error::SignOut)
}

async fn end_all_but_this(
    app: &App,
    request: &HttpRequest,
    person: &SignedIn,
    and_sign_ins: bool,
) -> Result<(), Error> {
    let (user_id, this) = (&person.user().id, app.sessions.own_key_hash(request));
    let revoke = |tokens| app.refresh_tokens.revoke_later(tokens);
    let ended = app
        .sessions
        .end_others(user_id, &this, and_sign_ins, revoke);
    ended.await.map_err(Error::SignOut)
}

async fn list(
    app: &App,
    request: &HttpRequest,
    person: &SignedIn,
    notice: Option<&'static str>,
) -> Result<HttpResponse, Error> {
    let own = app.sessions.own(request, person).await?;
    let this = app.sessions.own_key_hash(request);
    let sessions = own.listed.into_iter().map(|entry| row(entry, &this));
    let page = SessionsPage {
        notice,
        sessions: sessions.collect::<Result<_, _>>()?,
        has_more: own.has_more,
    };
    app.pages.respond(StatusCode::OK, &page)
}

fn row(entry: SessionEntry, this: &str) -> Result<OwnSession, Error> {
    Ok(OwnSession {
        is_this: entry.key_hash == this,
        id: entry.id().to_owned(),
        browser: browser_name(entry.user_agent.as_deref()),
        address: entry.address.unwrap_or_else(|| "unknown".to_owned()),
        began: minute(entry.created_at)?,
        seen: minute(entry.last_seen_at)?,
    })
}
