//! `/authorization-code/callback`: back from the provider. The heart of Doorward; it reads as the
//! journey of one sign-in.

mod finish;

use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::error::ErrorRequestTimeout;
use actix_web::http::StatusCode;
use actix_web::rt::time::timeout;
use actix_web::web::{Data, Payload};
use actix_web::{FromRequest, HttpRequest, HttpResponse};

use crate::accounts::audit::Stage;
use crate::http::app::App;
use crate::http::error::refusals::{Refusal, Retry};
use crate::http::error::{Error, Refused};
use crate::http::handlers::{go_to, is_own_form, is_prefetch, login, nothing, refuse};
use crate::http::pages::{ContinuePage, Field};
use crate::http::paths;
use crate::oidc::{Attempt, AuthorizationResponse};
use crate::session::{AttemptError, LoginAttempt, ReturnTo, SignedIn};
use finish::finish_login;

/// The longest state that stands in an address, in bytes: ours has 45 at most.
const STATE_LIMIT: usize = 64;

/// How long the provider's form may take to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(5);

/// `GET`: the response is in the query, or it came by POST and waits.
pub async fn callback(
    app: Data<App>,
    request: HttpRequest,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    if is_prefetch(request.headers()) {
        return Ok(nothing());
    }
    let (parameters, spent) = received(&app, &request);
    judge(&app, &request, &parameters, spent, person).await
}

/// Judges the response once it is here with the browser's cookies. `spent` removes what it uses up.
async fn judge(
    app: &App,
    request: &HttpRequest,
    parameters: &str,
    spent: Vec<Cookie<'static>>,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    let mut response = match arrive(app, request, parameters, person).await {
        Ok(response) => response,
        Err(refused) => refuse(app, refused).await,
    };
    // Whatever came of it, the attempt is used up.
    for cookie in spent {
        response.add_cookie(&cookie).map_err(Error::internal)?;
    }
    Ok(response)
}

/// The parameters of the response, and the removal of the cookies that it uses up. One state alone is looked up,
/// however many the request names: it may not cost more than its length.
fn received(app: &App, request: &HttpRequest) -> (String, Vec<Cookie<'static>>) {
    let query = request.query_string();
    let Some(state) = AuthorizationResponse::first_state(query) else {
        return (query.to_owned(), Vec::new());
    };
    let mut spent = Vec::from_iter(app.sessions.remove_attempt(request, &state));
    let parameters = match app.sessions.take_response(request, &state) {
        Some((form, removal)) => {
            spent.push(removal);
            form
        }
        None => query.to_owned(),
    };
    (parameters, spent)
}

/// `POST`: the response is in the form. Without the browser's Lax cookies, which come only with our own page's form, it
/// can't be judged yet.
pub async fn callback_by_post(
    app: Data<App>,
    request: HttpRequest,
    person: Option<SignedIn>,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let form = read_form(&request, payload).await?;
    if is_own_form(request.headers(), &app.public_url) {
        let state = AuthorizationResponse::first_state(&form);
        let spent = state.and_then(|state| app.sessions.remove_attempt(&request, &state));
        let spent = Vec::from_iter(spent);
        return Ok(judge(&app, &request, &form, spent, person).await?);
    }
    match keep_answer(&app, &form) {
        Ok(response) => Ok(response),
        Err(error) => Ok(refuse(&app, error.at(Stage::NoAttempt)).await),
    }
}

/// A body that never ends must not keep a connection.
async fn read_form(request: &HttpRequest, payload: Payload) -> Result<String, actix_web::Error> {
    let mut payload = payload.into_inner();
    timeout(FORM_TIMEOUT, String::from_request(request, &mut payload))
        .await
        .unwrap_or_else(|_| Err(ErrorRequestTimeout("the form did not end in time")))
}

fn keep_answer(app: &App, form: &str) -> Result<HttpResponse, Error> {
    let answer = AuthorizationResponse::parse(form)?;
    let state = answer.state.as_deref().ok_or(AttemptError::NoState)?;
    let is_short = state.len() <= STATE_LIMIT;
    let kept = is_short.then(|| app.sessions.keep_response(answer.to_form()));
    let Some(kept) = kept.flatten() else {
        return ask_to_post_again(app, &answer);
    };
    let mut response = come_again(app, state);
    response.add_cookie(&kept).map_err(Error::internal)?;
    Ok(response)
}

/// To the callback, by a GET with the browser's cookies.
fn come_again(app: &App, state: &str) -> HttpResponse {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("state", state);
    let callback = app.public_url.at(paths::CALLBACK);
    go_to(&format!("{callback}?{}", query.finish()))
}

/// For a response that fits no answer's head: a page of ours whose button posts it with the browser's cookies.
fn ask_to_post_again(app: &App, answer: &AuthorizationResponse) -> Result<HttpResponse, Error> {
    let fields = answer.parameters().map(|(name, value)| Field {
        name,
        value: value.to_owned(),
    });
    let page = ContinuePage {
        callback_action: app.public_url.at(paths::CALLBACK),
        fields: fields.collect(),
    };
    app.pages.answer(StatusCode::OK, &page)
}

async fn arrive(
    app: &App,
    request: &HttpRequest,
    parameters: &str,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Refused> {
    let answer = AuthorizationResponse::parse(parameters)
        .map_err(|cause| Error::from(cause).at(Stage::NoAttempt))?;
    let state = answer.state.clone().unwrap_or_default();
    let begun = app.sessions.take_attempt(request, answer.state.as_deref());
    let return_to = match &begun {
        Ok(LoginAttempt { return_to, .. }) | Err(AttemptError::Expired { return_to }) => {
            return_to.clone()
        }
        Err(_) => ReturnTo::ours(app.public_url.at(paths::PROFILE)),
    };
    let refused = match finish_login(app, request, answer, begun).await {
        Ok(()) => return Ok(go_to(return_to.as_str())),
        Err(refused) => refused,
    };
    let retry = Refusal::of(&refused.error).retry;
    if retry == Retry::Never {
        return Err(refused);
    }
    match (person, Attempt::retry_of(&state)) {
        // The Back button, a second tab: they are where they wanted to be.
        (Some(_), _) => Ok(go_to(return_to.as_str())),
        // A restored browser, a bookmark, a long lunch: the provider may not even have to ask.
        (None, Some(attempt)) => {
            log::info!("starting the sign-in again: {}", refused.error);
            login::begin(app, request, attempt, return_to, None)
                .await
                .map_err(|error| error.at(refused.stage))
        }
        (None, None) => match Attempt::session_recheck(&state) {
            // Another tab of many may have signed in meanwhile, and this request not know it yet.
            Some(state) if retry == Retry::AnewThenRecheck => Ok(come_again(app, state)),
            _ => Err(refused),
        },
    }
}
