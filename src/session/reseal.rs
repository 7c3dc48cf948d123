//! Whoever comes with a cookie or a row of a key that is on its way out gets both anew.

use actix_session::SessionExt;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::Next;

/// Under this name a loaded session says that its cookie or its row was made with a key that goes. It is
/// never stored.
pub(super) const TO_BE_RENEWED: &str = "to_be_renewed";

/// The middleware, between the session's and the handlers. Taking the mark away changes the session,
/// so it is sealed and its cookie signed with the current key. Not on what anybody may keep: a cache
/// would hand the cookie to somebody else.
pub async fn renew(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let session = request.get_session();
    let response = next.call(request).await?;
    let is_marked = session.entries().contains_key(TO_BE_RENEWED);
    let cache_control = response.headers().get(CACHE_CONTROL);
    let is_public = cache_control.is_some_and(|value| value.as_bytes().starts_with(b"public"));
    if is_marked && !is_public {
        session.remove(TO_BE_RENEWED);
    }
    Ok(response)
}
