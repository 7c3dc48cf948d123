//! `/authorization-code/callback`: back from the provider. The heart of Doorward; it reads as the
//! journey of one sign-in.

use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::error::ErrorRequestTimeout;
use actix_web::http::StatusCode;
use actix_web::rt::time::timeout;
use actix_web::web::{Data, Payload};
use actix_web::{FromRequest, HttpRequest, HttpResponse};

use crate::accounts::audit::Progress;
use crate::db::NewUser;
use crate::http::app::App;
use crate::http::error::Error;
use crate::http::handlers::{go_to, is_own_form, is_prefetch, login, nothing};
use crate::http::pages::{ContinuePage, Field};
use crate::http::paths;
use crate::observe::metrics;
use crate::oidc::{Attempt, AuthorizationResponse, Claims, Profile, ResponseMode};
use crate::session::{Login, NoLogin, ReturnTo, SignedIn};

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
    let mut progress = Progress::default();
    let arrived = arrive(app, request, parameters, person, &mut progress).await;
    if let Err(error) = &arrived {
        app.audit.sign_in_failed(progress, error).await;
    }
    let mut response = arrived.unwrap_or_else(HttpResponse::from_error);
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
    let mut spent = Vec::from_iter(app.sessions.forget_login(request, &state));
    let parameters = match app.sessions.take_answer(request, &state) {
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
        let spent = state.and_then(|state| app.sessions.forget_login(&request, &state));
        let spent = Vec::from_iter(spent);
        return Ok(judge(&app, &request, &form, spent, person).await?);
    }
    let kept = keep_answer(&app, &form);
    if let Err(error) = &kept {
        app.audit.sign_in_failed(Progress::default(), error).await;
    }
    Ok(kept?)
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
    let state = answer.state.as_deref().ok_or(NoLogin::NoState)?;
    let is_short = state.len() <= STATE_LIMIT;
    let kept = is_short.then(|| app.sessions.keep_answer(answer.to_form()));
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
    let callback = app.base.at(paths::CALLBACK);
    go_to(&format!("{callback}?{}", query.finish()))
}

/// For a response that fits no answer's head: a page of ours whose button posts it with the browser's cookies.
fn ask_to_post_again(app: &App, answer: &AuthorizationResponse) -> Result<HttpResponse, Error> {
    let fields = answer.parameters().map(|(name, value)| Field {
        name,
        value: value.to_owned(),
    });
    let page = ContinuePage {
        callback_action: app.base.at(paths::CALLBACK),
        fields: fields.collect(),
    };
    app.pages.answer(StatusCode::OK, &page)
}

async fn arrive(
    app: &App,
    request: &HttpRequest,
    parameters: &str,
    person: Option<SignedIn>,
    progress: &mut Progress,
) -> Result<HttpResponse, Error> {
    let answer = AuthorizationResponse::parse(parameters)?;
    let state = answer.state.clone().unwrap_or_default();
    let begun = app.sessions.take_login(request, answer.state.as_deref());
    let return_to = match &begun {
        Ok(Login { return_to, .. }) | Err(NoLogin::Expired { return_to }) => return_to.clone(),
        Err(_) => ReturnTo::profile(&app.base),
    };
    progress.has_attempt = begun.is_ok();
    match finish_login(app, request, answer, begun, progress).await {
        Ok(()) => Ok(go_to(return_to.as_str())),
        Err(error) if error.is_stale() => match (person, Attempt::again(&state)) {
            // The Back button, a second tab: they are where they wanted to be.
            (Some(_), _) => Ok(go_to(return_to.as_str())),
            // A restored browser, a bookmark, a long lunch: the provider may not even have to ask.
            (None, Some(attempt)) => {
                log::info!("beginning again: {error}");
                login::begin(app, request, attempt, return_to, None).await
            }
            (None, None) => match Attempt::last_look(&state) {
                // Another tab of many may have signed in meanwhile, and this request not know it yet.
                Some(state) if error.is_about_cookies() => Ok(come_again(app, state)),
                _ => Err(error),
            },
        },
        Err(error) => Err(error),
    }
}

async fn finish_login(
    app: &App,
    request: &HttpRequest,
    answer: AuthorizationResponse,
    begun: Result<Login, NoLogin>,
    progress: &mut Progress,
) -> Result<(), Error> {
    // What can be told here comes before any call: an answer that is no answer, a stranger's.
    if answer.code.is_none() && answer.error.is_none() {
        let state = answer.state.as_deref().unwrap_or_default();
        return Err(match app.provider.response_mode() {
            _ if Attempt::is_last_look(state) => NoLogin::NotThisBrowser.into(),
            ResponseMode::FormPost if !state.is_empty() => NoLogin::AnswerReplaced.into(),
            _ => Error::NoCode,
        });
    }
    let Login { attempt, .. } = begun?;
    app.provider
        .check_response_issuer(&app.http, &answer)
        .await?;
    if let Some(code) = answer.error {
        let description = answer.error_description;
        return Err(Error::ProviderSaid { code, description });
    }
    let code = answer.code.ok_or(Error::NoCode)?;
    let spent = app.sessions.spend(&attempt.state)?;

    let tokens = app
        .provider
        .exchange_code(&app.http, &code, &attempt)
        .await?;
    let claims = app
        .provider
        .verify_id_token(&app.http, &tokens, &attempt)
        .await?;
    progress.subject = Some(claims.sub.clone());
    let userinfo = app.provider.userinfo(&app.http, &tokens, &claims).await?;

    let person = new_user(app.provider.issuer(), claims, userinfo);
    app.sessions
        .sign_in(request, person, &tokens.id_token, spent)
        .await?;
    metrics::signed_in();
    Ok(())
}

/// The one place where what the protocol learned becomes what the database keeps.
fn new_user(issuer: &str, claims: Claims, userinfo: Profile) -> NewUser {
    let profile = userinfo.or(claims.profile);
    NewUser {
        issuer: issuer.to_owned(),
        subject: claims.sub,
        name: profile.display_name(),
        email: profile.email(),
        email_verified: profile.email_verified(),
    }
}
