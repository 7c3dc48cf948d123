//! `SignedIn` as a handler's argument: a person who is not signed in is redirected to the sign-in first.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest};

use crate::http::error::Error;
use crate::http::paths;
use crate::public_url::PublicUrl;
use crate::session::{ReturnTo, SignedIn};

/// `SignedIn` makes a handler refuse people who are not signed in; `Option<SignedIn>` makes it serve both.
impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(SignedIn::of(request).ok_or_else(|| sign_in_needed(request)))
    }
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
