//! `SignedIn` as a handler's argument: a person who is not signed in is redirected to the sign-in first.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::http::app::App;
use crate::http::error::Error;
use crate::http::paths;
use crate::public_url::PublicUrl;
use crate::session::{Due, ReturnTo, SignedIn};

/// Whether somebody is signed in.
pub enum Answer {
    /// It is known; taken when it is told.
    Known(Option<Result<SignedIn, Error>>),
    /// The provider is asked first.
    Asked(Pin<Box<dyn Future<Output = Result<SignedIn, Error>>>>),
}

impl Future for Answer {
    type Output = Result<SignedIn, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Answer::Known(known) => known.take().map_or(Poll::Pending, Poll::Ready),
            Answer::Asked(asked) => asked.as_mut().poll(context),
        }
    }
}

/// `SignedIn` makes a handler refuse people who are not signed in; `Option<SignedIn>` makes it serve both. If the provider's
/// word about them is too old, it is asked first. [`SignedIn::of`] does not ask.
impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Answer;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(person) = SignedIn::of(request) else {
            return Answer::Known(Some(Err(sign_in_needed(request))));
        };
        let app = request.app_data::<Data<App>>();
        let app = app.expect("the server gives it to every request");
        match app.sessions.due(person.session()) {
            Due::No => Answer::Known(Some(Ok(person))),
            Due::Browser | Due::Refresh => {
                Answer::Asked(Box::pin(asked(app.clone(), request.clone(), person)))
            }
        }
    }
}

async fn asked(app: Data<App>, request: HttpRequest, person: SignedIn) -> Result<SignedIn, Error> {
    let session = person.shared_session().clone();
    let key_hash = app.sessions.session_of(&request).unwrap_or_default();
    let still = app.refresh_tokens.still_welcome(&key_hash, session).await;
    still
        .map(|_| person)
        .ok_or_else(|| sign_in_needed(&request))
}

/// A GET returns afterwards.
pub(super) fn sign_in_needed(request: &HttpRequest) -> Error {
    // After the sign-in the browser can repeat a GET, but no other request.
    let wanted = (request.method() == Method::GET)
        .then(|| request.uri().path_and_query().map(ToString::to_string))
        .flatten()
        .filter(|wanted| wanted.len() <= ReturnTo::LIMIT);
    let public_url = request.app_data::<PublicUrl>();
    let public_url = public_url.expect("the server gives it to every request");
    Error::SignInNeeded {
        login: login_and_back(public_url, wanted.as_deref()),
    }
}

/// The address of `/login`, with `wanted` as the page to return to afterwards.
fn login_and_back(public_url: &PublicUrl, wanted: Option<&str>) -> String {
    let login = public_url.at(paths::LOGIN);
    match wanted {
        Some(wanted) => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("return_to", wanted);
            format!("{login}?{}", query.finish())
        }
        None => login,
    }
}
