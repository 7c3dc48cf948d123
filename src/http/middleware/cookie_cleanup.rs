//! Removes from a request every cookie that is not ours or not well-formed, before the session looks at them.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::COOKIE;

use crate::accounts::audit::Audit;
use crate::http::route::Route;
use crate::session::{OwnCookies, Sessions};

/// A page in a frame of the provider's gets no cookies: whoever uses this browser keeps theirs, and no session is loaded or
/// renewed. This comes before the limits of the head, or too many cookies of other applications would keep a session from
/// ending, and the response would delete them.
pub fn keep_none_in_frame(route: Option<&Route>, request: &mut ServiceRequest) {
    if route.is_some_and(Route::is_framed) {
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
