//! Removes from a request every cookie that is not ours or not well-formed, before the session looks at them.

use actix_web::dev::ServiceRequest;

use crate::accounts::audit::Audit;
use crate::session::{OwnCookies, Sessions};

/// Keeps our own cookies that were sent once. Duplicates are dropped, with an audit event.
pub async fn keep_own(sessions: &Sessions, audit: &Audit, request: &mut ServiceRequest) {
    let cookies = sessions.keep_own_cookies(request.headers_mut());
    if cookies == OwnCookies::Duplicated {
        audit.cookies_planted().await;
    }
}
