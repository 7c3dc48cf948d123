//! The headers that tell browsers what our pages are allowed to do.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use url::Url;

use crate::public_url::PublicUrl;

/// The features of a browser that no page of ours needs.
const PERMISSIONS: &str =
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// Adds `headers` to a response, except those that it has already. A response without `Cache-Control` must not be cached.
pub fn add(headers: &[(HeaderName, HeaderValue)], response: &mut HttpResponse) {
    let own = response.headers_mut();
    for (name, value) in headers {
        if !own.contains_key(name) {
            own.insert(name.clone(), value.clone());
        }
    }
    if !own.contains_key(header::CACHE_CONTROL) {
        own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The policy of a page whose forms may be sent to us and to `form_action`, a list of schemes or origins.
pub fn content_security_policy(form_action: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self' {form_action}"
    );
    HeaderValue::from_str(&policy).expect("an origin in ASCII fits a header")
}

/// The policy of the page that `frames`, a list of origins, may show in a frame.
pub fn framed_policy(frames: &[String]) -> HeaderValue {
    let policy = format!("default-src 'none'; frame-ancestors {}", frames.join(" "));
    HeaderValue::from_str(&policy).expect("origins in ASCII fit a header")
}

/// The headers of every response.
///
/// Browsers apply `form-action` to the redirects that follow a form as well. So it must allow the provider, and any other
/// provider that it redirects to: each https origin, and the issuer's own if that is plain http on this host.
pub fn security_headers(
    public_url: &PublicUrl,
    issuer: &str,
    hsts_include_subdomains: bool,
) -> Vec<(HeaderName, HeaderValue)> {
    let local_issuer = Url::parse(issuer)
        .ok()
        .filter(|issuer| issuer.scheme() == "http")
        .map(|issuer| format!(" {}", issuer.origin().ascii_serialization()))
        .unwrap_or_default();
    let policy = content_security_policy(&format!("https:{local_issuer}"));
    let fixed = HeaderValue::from_static;
    let mut headers = vec![
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        // Not no-referrer: the browser would send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, fixed("same-origin")),
        (header::CROSS_ORIGIN_OPENER_POLICY, fixed("same-origin")),
        (header::CROSS_ORIGIN_RESOURCE_POLICY, fixed("same-origin")),
        (header::PERMISSIONS_POLICY, fixed(PERMISSIONS)),
    ];
    if public_url.is_https() {
        let one_year = match hsts_include_subdomains {
            true => fixed("max-age=31536000; includeSubDomains"),
            false => fixed("max-age=31536000"),
        };
        headers.push((header::STRICT_TRANSPORT_SECURITY, one_year));
    }
    headers
}
