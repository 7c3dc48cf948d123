//! Removes from a request every cookie that is not ours or not well-formed, before the session looks at them.

use actix_web::dev::ServiceRequest;

use crate::accounts::audit::Audit;
use crate::session::{OwnCookies, Sessions};

/// Keeps our own cookies, each of them once. An audit event tells of cookies that somebody else planted.
pub async fn keep_own(sessions: &Sessions, audit: &Audit, request: &mut ServiceRequest) {
    let cookies = sessions.keep_own_cookies(request.headers_mut());
    if cookies == OwnCookies::Planted {
        audit.cookies_planted().await;
    }
}
