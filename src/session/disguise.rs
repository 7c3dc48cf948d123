//! Cookies that pretend to be ours.

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};

/// Takes cookies away whose name is written with `%`. The framework decodes names, browsers do not:
/// `%5F%5FHost-doorward` would pass for ours, past the protection that the prefix gives.
pub fn drop_disguised_cookies(headers: &mut HeaderMap) {
    let is_disguised = |pair: &&[u8]| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.contains(&b'%')
    };
    let pairs = |value: &HeaderValue| {
        let pairs = value.as_bytes().split(|byte| *byte == b';');
        pairs.map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let all: Vec<Vec<u8>> = headers.get_all(COOKIE).flat_map(pairs).collect();
    if all.iter().any(|pair| is_disguised(&pair.as_slice())) {
        let kept: Vec<&[u8]> = all
            .iter()
            .map(Vec::as_slice)
            .filter(|pair| !is_disguised(pair))
            .collect();
        headers.remove(COOKIE);
        // What came in a header can go into one.
        if let Ok(cookies) = HeaderValue::from_bytes(&kept.join(&b';')) {
            headers.insert(COOKIE, cookies);
        }
    }
}
