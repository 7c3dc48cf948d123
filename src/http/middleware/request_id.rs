//! The id of each request, from a trusted proxy or new, and the `X-Request-Id` of each response.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderName, HeaderValue};

use super::client_address::ClientAddress;
use crate::observe::request_id::RequestId;
use crate::settings::TrustedProxies;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that a trusted proxy gave the request, or a new one.
pub fn of(proxies: &TrustedProxies, client: ClientAddress, request: &ServiceRequest) -> RequestId {
    let header = |name: &str| {
        let mut lines = request.headers().get_all(name);
        // If there are two, one is not the proxy's.
        let (line, None) = (lines.next()?, lines.next()) else {
            return None;
        };
        line.to_str().ok()
    };
    RequestId::of(client.peer_is_trusted && proxies.name_requests, header)
}

/// Adds the id to a response.
pub fn add(id: RequestId, response: &mut HttpResponse) {
    let id = HeaderValue::from_str(id.as_str()).expect("letters, digits and . _ -");
    response.headers_mut().insert(X_REQUEST_ID, id);
}
