//! `/refused`: why an app does not open. The gateway sends browsers here.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use serde::Deserialize;

use crate::db::User;
use crate::gateway::original_request::OriginalRequest;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::pages::RefusedPage;
use crate::observe::logging::visible;
use crate::session::{RefusedVisit, SignedIn};

/// The name of the sealed reason in the query.
pub const WHY: &str = "why";

/// The query of `/refused`.
#[derive(Deserialize)]
pub struct RefusedQuery {
    /// What the gateway sealed.
    why: Option<String>,
}

pub async fn refused(
    app: Data<App>,
    query: Query<RefusedQuery>,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    let sealed = query.why.as_deref().unwrap_or_default();
    let refused = app
        .sessions
        .open_refused_visit(sealed)
        .ok_or(Error::HandoverForged)?;
    refused_page(&app, &refused, person.as_ref().map(SignedIn::user))
}

/// The page about `refused`, for `person` if they are signed in.
pub fn refused_page(
    app: &App,
    refused: &RefusedVisit,
    person: Option<&User>,
) -> Result<HttpResponse, Error> {
    let (title, sentence, next) = words(&refused.reason);
    let name = person.map(|user| {
        user.email
            .as_ref()
            .or(user.name.as_ref())
            .unwrap_or(&user.subject)
    });
    let url = format!("{}{}", refused.origin, refused.target);
    let page = RefusedPage {
        title,
        sentence,
        next,
        app: refused.origin.clone(),
        app_url: is_known(app, &url).then_some(url),
        signed_in_as: name.map(|name| visible(name)),
        reference: refused.reference.clone(),
    };
    app.pages.respond(StatusCode::FORBIDDEN, &page)
}

/// Whether some rule names the host of `url`.
fn is_known(app: &App, url: &str) -> bool {
    let original = OriginalRequest::of_url("GET", url);
    app.access
        .as_ref()
        .zip(original.ok())
        .is_some_and(|(access, original)| access.rules.load().knows_host(original.host.as_str()))
}

/// What happened, and what to do next.
fn words(reason: &str) -> (&'static str, &'static str, &'static str) {
    const NOT_FOR_YOU: &str = "You may not open this";
    const NOT_HANDED_OVER: &str = "This app could not be opened";
    match reason {
        "no_rule" => (
            NOT_FOR_YOU,
            "No rule lets anybody open this address.",
            "If it should work, ask your administrator for a rule.",
        ),
        "not_allowed" => (
            NOT_FOR_YOU,
            "You are signed in, but this app is not open to you.",
            "If you should have access, ask your administrator. If you have another account, sign out and use that one.",
        ),
        "email_not_verified" => (
            NOT_FOR_YOU,
            "This app is open to your email address, but your sign-in provider has not verified that it is yours.",
            "Verify your email address at your sign-in provider, then sign out and sign in again.",
        ),
        "no_user_name" => (
            NOT_FOR_YOU,
            "Your sign-in provider did not tell us the name that this app knows you by.",
            "Ask your administrator, and give the reference below.",
        ),
        "too_long_ago" => (
            NOT_FOR_YOU,
            "This app needs a sign-in that is more recent than yours.",
            "Sign out, sign in again, and open the app.",
        ),
        "acr" => (
            NOT_FOR_YOU,
            "This app needs a stronger sign-in than yours.",
            "Sign out and sign in again with another factor. If it is not offered, ask your administrator.",
        ),
        "ambiguous_path" => (
            "This address can't be opened",
            "The address could be read in more than one way.",
            "Open the app's home page and find your way from there.",
        ),
        "code_expired" => (
            NOT_HANDED_OVER,
            "It took more than a minute to get there.",
            "Try again.",
        ),
        "code_used" => (
            NOT_HANDED_OVER,
            "This address has been opened before.",
            "Try again. A bookmark or a link that others sent you must not have `_doorward` in it.",
        ),
        "code_other_browser" => (
            NOT_HANDED_OVER,
            "Your browser did not keep our cookie for this app.",
            "Allow cookies for this app, or leave private browsing, and try again.",
        ),
        "code_no_session" => (
            NOT_HANDED_OVER,
            "Your session ended on the way.",
            "Try again. If it happens again, tell your administrator the reference.",
        ),
        _ => (
            NOT_HANDED_OVER,
            "The address did not come from us.",
            "Try again. If it happens again, tell your administrator the reference.",
        ),
    }
}
