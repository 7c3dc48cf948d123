//! A provider that responds badly, late or not at all: the page says what happened, and no person is signed in.

mod authorization_error;
mod claims;
mod discovery;
mod http;
mod keys;
mod outage;
mod sign_out;
mod token;
mod userinfo;

use std::net::TcpListener;

use crate::support::app::CLIENT_SECRET;
use crate::support::provider::{Canned, Endpoint};
use crate::support::visitor::Answer;
use crate::support::{TestApp, Visitor, log};

pub const UNUSABLE: (u16, &str) = (
    502,
    "It signed you in, but then sent us no response that we can use.",
);

const UNREACHABLE: (u16, &str) = (
    502,
    "We could not reach it, so nobody can sign in right now.",
);

pub const NOT_SET_UP: (u16, &str) = (
    502,
    "This application and your sign-in provider do not work together, so nobody can sign in.",
);

pub const NOT_SURE: (u16, &str) = (
    403,
    "What your sign-in provider sent did not pass our checks, so you are not signed in.",
);

const BUSY: (u16, &str) = (502, "It can't sign anybody in right now.");

/// Ada tries to sign in and gets `expected`. No person is signed in afterwards, her attempt is used up, and the log says
/// `cause` (or what begins so) beside the page's reference, without code, token or secret.
pub async fn assert_refused(app: &TestApp, expected: (u16, &str), cause: &str) {
    let ada = app.visitor();
    let refused = ada.sign_in("ada").await;
    assert_page(&refused, expected, cause);
    let cookies = refused.cookies();
    assert_eq!(cookies.len(), 1, "{cause}: {cookies:?}");
    assert!(
        cookies[0].starts_with("doorward-login-") && cookies[0].contains("Max-Age=0"),
        "{cause}: {cookies:?}"
    );
    assert!(ada.app_cookies().is_empty(), "{cause}");
    assert_nobody_is_signed_in(app, &ada, cause).await;

    let line = log::error_of(&refused);
    let requests = app.provider.requests(Endpoint::Token);
    let request = requests.last().expect("the code was exchanged");
    let credentials = request.header("authorization").unwrap();
    let credentials = credentials.trim_start_matches("Basic ");
    let code = request.form.get("code").unwrap();
    // Every JWT begins with `eyJ`: that is `{"`.
    for secret in [code, CLIENT_SECRET, credentials, "eyJ"] {
        assert!(!line.contains(secret), "{secret} in {line}");
        assert!(!refused.body.contains(secret), "{secret}");
    }
}

async fn assert_nobody_is_signed_in(app: &TestApp, visitor: &Visitor, what: &str) {
    let profile = visitor.get("/profile").await;
    assert_eq!(profile.location(), "/login?return_to=%2Fprofile", "{what}");
    assert_eq!(app.storage().users(), 0, "{what}");
    assert_eq!(app.storage().sessions(), 0, "{what}");
}

/// The page is `expected`, and the log line with its reference names `cause`.
fn assert_page(page: &Answer, expected: (u16, &str), cause: &str) {
    let (status, sentence) = expected;
    assert_eq!(page.refusal(), (status, sentence.to_owned()), "{cause}");
    let line = log::error_of(page);
    let (_, logged) = line.split_once("]: ").unwrap();
    assert!(logged.starts_with(cause), "expected {cause:?} in {line:?}");
}

async fn assert_signs_in(app: &TestApp, person: &str) {
    let visitor = app.visitor();
    let back = visitor.sign_in(person).await;
    assert_eq!(back.status, 303, "{:?}", back.refusal());
    assert_eq!(back.location(), "/profile");
    assert!(visitor.is_signed_in().await);
}

/// 50 MB that begin like a good answer and never end.
fn huge() -> Canned {
    Canned::new(200, "application/json", vec![b' '; 1 << 20]).repeated(50)
}

/// A redirect, and the listener that it leads to, which never responds.
fn redirect(status: u16) -> (Canned, TcpListener) {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    target.set_nonblocking(true).unwrap();
    let mut canned = Canned::new(status, "text/plain", "");
    let location = format!("http://{}/elsewhere", target.local_addr().unwrap());
    canned.headers.push(("Location".into(), location));
    (canned, target)
}
