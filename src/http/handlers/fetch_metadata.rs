//! What a browser tells about the origin and the purpose of a request (Fetch Metadata, and `Origin` of RFC 6454).

use actix_web::http::header::{HeaderMap, HeaderValue, ORIGIN};

use crate::public_url::PublicUrl;

/// Whether the browser only prefetches a page that the person may open later. Such a request must change nothing.
/// `Sec-Purpose` is the standard's name (Fetch, 3.2); older browsers send the others.
pub fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"]
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .any(|value| {
            let value = value.as_bytes().to_ascii_lowercase();
            let mut words = value.split(|byte| matches!(byte, b';' | b',' | b' '));
            words.any(|word| matches!(word, b"prefetch" | b"prerender" | b"preview"))
        })
}

/// Whether a page of another origin caused this request. A sibling domain is another origin. A request without these
/// headers passes: no current browser leaves both out of a POST.
pub fn is_cross_site(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    let fetch_sites: Vec<&[u8]> = headers
        .get_all("sec-fetch-site")
        .map(HeaderValue::as_bytes)
        .collect();
    // Where a proxy adds `no-referrer` to our pages, browsers send `null` with our own forms.
    let is_hidden = |origin: &HeaderValue| origin == "null" && fetch_sites == [b"same-origin"];
    let foreign_site = fetch_sites
        .iter()
        .any(|site| !matches!(*site, b"same-origin" | b"none"));
    let mut origins = headers.get_all(ORIGIN);
    let foreign_origin = origins.any(|origin| origin != public_url.origin() && !is_hidden(origin));
    foreign_site || foreign_origin
}

/// Whether a form on one of our own pages certainly sent this POST: current browsers send `Origin` with each.
pub fn is_own_form(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    headers.contains_key(ORIGIN) && !is_cross_site(headers, public_url)
}

/// Whether a person certainly followed a link on one of our own pages. Over plain http browsers leave out Fetch
/// Metadata; then it is not certain.
pub fn is_own_navigation(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    let is = |name: &str, expected: &str| {
        let mut values = headers.get_all(name);
        values.next().is_some_and(|value| value == expected) && values.next().is_none()
    };
    is("sec-fetch-site", "same-origin")
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
        && !is_cross_site(headers, public_url)
        && !is_prefetch(headers)
}
