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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of `cookies`, a header each.
    fn left_of(cookies: &[&'static str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_static(cookie));
        }
        drop_disguised_cookies(&mut headers);
        let left = headers.get_all(COOKIE);
        left.map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_cookie_whose_name_has_a_percent_sign_is_dropped() {
        let disguised = "%5F%5FHost-doorward=evil";
        assert_eq!(left_of(&[disguised]), [""]);
        assert_eq!(left_of(&["a=1; %61=2;b=3"]), ["a=1;b=3"]);
        assert_eq!(left_of(&["a=1", disguised, "b=3"]), ["a=1;b=3"]);
    }

    #[test]
    fn all_others_stay_as_they_are() {
        let cookies = ["a=1; b=%20", "c", "d=e=%"];
        assert_eq!(left_of(&cookies), cookies);
        assert_eq!(left_of(&["%=1; b=%20;d=e=%"]), [" b=%20;d=e=%"]);
    }
}
