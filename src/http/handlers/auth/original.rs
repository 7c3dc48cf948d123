//! Reads which request of a browser a proxy asks about.

use actix_web::HttpRequest;

use crate::gateway::host::Scheme;
use crate::gateway::kind::Kind;
use crate::gateway::malformed::{Fault, Malformed, Part};
use crate::gateway::original_request::{self, OriginalRequest};
use crate::http::gateway::{EXT_AUTHZ, Gateway, RequestHeaders};

/// Whether the request has a body, which no proxy of ours sends.
pub fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let is_empty = |value: &[u8]| value.iter().all(|byte| *byte == b'0');
    headers.contains_key("transfer-encoding")
        || headers
            .get_all("content-length")
            .any(|value| !is_empty(value.as_bytes()))
}

/// What the app was asked for. Plain http under an https `PUBLIC_URL` is a fault of the proxy's settings: a cookie for https
/// never comes back.
pub fn read<'a>(
    gateway: &Gateway,
    request: &'a HttpRequest,
    headers: &'a RequestHeaders<'a>,
    kind: Kind,
) -> Result<OriginalRequest<'a>, Malformed> {
    let is_https = gateway.public_url.is_https();
    let original = match kind {
        Kind::Forward => original_request::forward(headers),
        Kind::Request => original_request::request(headers),
        // In absolute form it has a host of its own.
        Kind::ExtAuthz if request.uri().authority().is_some() => Err(Malformed {
            part: Part::Host,
            header: "the request line",
            fault: Fault::Invalid,
        }),
        Kind::ExtAuthz => {
            let uri = request
                .uri()
                .path_and_query()
                .map_or("", |uri| uri.as_str());
            let uri = uri.strip_prefix(EXT_AUTHZ).unwrap_or_default();
            let scheme = if is_https {
                Scheme::Https
            } else {
                Scheme::Http
            };
            original_request::ext_authz(headers, request.method().as_str(), uri.as_bytes(), scheme)
        }
    }?;
    match is_https && original.scheme == Scheme::Http {
        true => Err(Malformed {
            part: Part::Scheme,
            header: match kind {
                Kind::Request => "X-Original-URL",
                Kind::Forward | Kind::ExtAuthz => "X-Forwarded-Proto",
            },
            fault: Fault::NotHttps,
        }),
        false => Ok(original),
    }
}
