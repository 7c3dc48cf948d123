//! Removes from a request every cookie that is not ours or not well-formed, before the session looks at them. A route that
//! ignores cookies gets none at all.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::COOKIE;

use crate::accounts::audit::Audit;
use crate::http::route::{Cookies, Route};
use crate::session::{OwnCookies, Sessions};

/// Removes the cookies of a request for a route that ignores them. This comes before the limits of the head, or too many
/// cookies of other applications would keep a session from ending, and the response would delete them.
pub fn ignore(route: Option<&Route>, request: &mut ServiceRequest) {
    if route.is_some_and(|route| route.cookies == Cookies::Ignored) {
        request.headers_mut().remove(COOKIE);
    }
}

/// Keeps our own cookies that were sent once. Duplicates are dropped, with an audit event.
pub async fn keep_own(sessions: &Sessions, audit: &Audit, request: &mut ServiceRequest) {
    let cookies = sessions.keep_own_cookies(request.headers_mut());
    if cookies == OwnCookies::Duplicated {
        audit.cookies_planted().await;
    }
}
