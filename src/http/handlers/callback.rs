//! `/authorization-code/callback`: the provider sends the person back here with its authorization response. `finish.rs` has
//! the steps of the sign-in; this file has what surrounds them: where the response is, which cookies it uses up, and what
//! happens when the sign-in fails.

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
use crate::http::handlers::fetch_metadata::{is_own_form, is_prefetch};
use crate::http::handlers::sign_in::{NewAttempt, start_sign_in};
use crate::http::handlers::{no_content, redirect_to, refuse};
use crate::http::pages::{ContinuePage, Field};
use crate::http::paths;
use crate::oidc::{Attempt, AuthorizationResponse};
use crate::session::{AttemptError, LoginAttempt, ReturnTo, SignedIn};
use finish::finish_login;

/// The longest state that is put into an address, in bytes. Ours has at most 45.
const STATE_LIMIT: usize = 64;

/// How long the provider's form may take to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(5);

/// `GET`: the response is in the query, or in a cookie if it came by POST before.
pub async fn callback(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Error> {
    if is_prefetch(request.headers()) {
        return Ok(no_content());
    }
    // The provider is about to say whether they are still welcome.
    let person = SignedIn::of(&request);
    let (parameters, spent) = take_response(&app, &request);
    handle_response(&app, &request, &parameters, spent, person).await
}

/// Handles a response that came together with the browser's cookies. `spent` removes those that it uses up.
async fn handle_response(
    app: &App,
    request: &HttpRequest,
    parameters: &str,
    spent: Vec<Cookie<'static>>,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Error> {
    let mut response = match finish_or_retry(app, request, parameters, person).await {
        Ok(response) => response,
        Err(refused) => refuse(app, refused).await,
    };
    // The attempt is used up, whether it succeeded or not.
    for cookie in spent {
        response.add_cookie(&cookie).map_err(Error::internal)?;
    }
    Ok(response)
}

/// The parameters of the response, and the removal of the cookies that it uses up. Only the first state is looked up,
/// however many the query has, so that the work stays proportional to the query's length.
fn take_response(app: &App, request: &HttpRequest) -> (String, Vec<Cookie<'static>>) {
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

/// `POST`: the response is in the form. The provider's form comes without our cookies, since they are `SameSite=Lax`: the
/// response is kept, and the browser is sent to the callback again by GET. Our own page's form comes with them.
pub async fn callback_by_post(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let person = SignedIn::of(&request);
    let form = read_form(&request, payload).await?;
    if is_own_form(request.headers(), &app.public_url) {
        let state = AuthorizationResponse::first_state(&form);
        let spent = state.and_then(|state| app.sessions.remove_attempt(&request, &state));
        let spent = Vec::from_iter(spent);
        return Ok(handle_response(&app, &request, &form, spent, person).await?);
    }
    match keep_response(&app, &form) {
        Ok(response) => Ok(response),
        Err(error) => Ok(refuse(&app, error.at(Stage::NoAttempt)).await),
    }
}

/// The form. Has a time limit, so that a body that never ends does not hold a connection.
async fn read_form(request: &HttpRequest, payload: Payload) -> Result<String, actix_web::Error> {
    let mut payload = payload.into_inner();
    timeout(FORM_TIMEOUT, String::from_request(request, &mut payload))
        .await
        .unwrap_or_else(|_| Err(ErrorRequestTimeout("the form was not complete in time")))
}

/// Keeps the response in a cookie until the browser comes back by GET.
fn keep_response(app: &App, form: &str) -> Result<HttpResponse, Error> {
    let response = AuthorizationResponse::parse(form)?;
    let state = response.state.as_deref().ok_or(AttemptError::NoState)?;
    let is_short = state.len() <= STATE_LIMIT;
    let kept = is_short.then(|| app.sessions.keep_response(response.to_form()));
    let Some(kept) = kept.flatten() else {
        return continue_page(app, &response);
    };
    let mut response = redirect_to_callback(app, state);
    response.add_cookie(&kept).map_err(Error::internal)?;
    Ok(response)
}

/// Redirects to the callback: the browser's GET comes with our cookies.
fn redirect_to_callback(app: &App, state: &str) -> HttpResponse {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("state", state);
    let callback = app.public_url.at(paths::CALLBACK);
    redirect_to(&format!("{callback}?{}", query.finish()))
}

/// For a response that is too long for a cookie: a page of ours whose button posts it, together with our cookies.
fn continue_page(app: &App, response: &AuthorizationResponse) -> Result<HttpResponse, Error> {
    let fields = response.parameters().map(|(name, value)| Field {
        name,
        value: value.to_owned(),
    });
    let page = ContinuePage {
        callback_action: app.public_url.at(paths::CALLBACK),
        fields: fields.collect(),
    };
    app.pages.respond(StatusCode::OK, &page)
}

/// Signs the person in and redirects them to where they wanted to be. If that fails and a retry makes sense, retries.
async fn finish_or_retry(
    app: &App,
    request: &HttpRequest,
    parameters: &str,
    person: Option<SignedIn>,
) -> Result<HttpResponse, Refused> {
    let response = AuthorizationResponse::parse(parameters)
        .map_err(|cause| Error::from(cause).at(Stage::NoAttempt))?;
    let state = response.state.clone().unwrap_or_default();
    let attempt = app
        .sessions
        .take_attempt(request, response.state.as_deref());
    let (return_to, step_up) = match &attempt {
        Ok(LoginAttempt {
            return_to, step_up, ..
        })
        | Err(AttemptError::Expired { return_to, step_up }) => (return_to.clone(), step_up.clone()),
        Err(_) => (ReturnTo::ours(app.public_url.at(paths::PROFILE)), None),
    };
    let refused = match finish_login(app, request, response, attempt).await {
        Ok(()) => return Ok(redirect_to(return_to.as_str())),
        Err(refused) => refused,
    };
    let retry = Refusal::of(&refused.error).retry;
    if retry == Retry::Never {
        return Err(refused);
    }
    match (person, Attempt::retry_of(&state)) {
        // The Back button or a second tab: the person is signed in already.
        (Some(_), _) => Ok(redirect_to(return_to.as_str())),
        // A restored tab, a bookmark, a long pause: the provider may not even ask for a password.
        (None, Some(attempt)) => {
            log::info!("starting the sign-in again: {}", refused.error);
            let fresh = NewAttempt {
                attempt,
                return_to,
                step_up,
                asks_again: false,
                login_hint: None,
            };
            start_sign_in(app, request, fresh)
                .await
                .map_err(|error| error.at(refused.stage))
        }
        (None, None) => match Attempt::session_recheck(&state) {
            // Another tab may have signed in meanwhile, after this request was sent.
            Some(state) if retry == Retry::NewAttemptThenRecheck => {
                Ok(redirect_to_callback(app, state))
            }
            _ => Err(refused),
        },
    }
}
