//! The limits of a request's head. A longer one is refused before anything else looks at it, so that no request costs more
//! than a few milliseconds.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{COOKIE, HeaderName, HeaderValue};

use crate::session::count_cookies;

/// The longest method, in bytes. The longest registered one, `UPDATEREDIRECTREF`, has 17; no route takes it.
const METHOD_LIMIT: usize = 16;

/// The longest path, in bytes.
const PATH_LIMIT: usize = 2 * 1024;

/// The longest query, in bytes: the callback's holds a code and an issuer.
const QUERY_LIMIT: usize = 8 * 1024;

/// The most cookies, those of other applications included.
const COOKIES_LIMIT: usize = 64;

/// All `Cookie` headers together, in bytes.
const COOKIE_BYTES_LIMIT: usize = 16 * 1024;

/// Makes a browser delete the cookies of this host, of its subdomains and of its parent domains (Clear Site Data, 3.1).
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The part of a request that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// The method.
    Method,
    /// The path.
    Path,
    /// The query.
    Query,
    /// The cookies: too many, or too long in total.
    Cookies,
}

/// Refuses a request that is beyond a limit.
pub fn check(request: &ServiceRequest) -> Result<(), Excess> {
    Excess::of(request).map_or(Ok(()), Err)
}

impl Excess {
    /// The part of `request` that is too long, if one is.
    fn of(request: &ServiceRequest) -> Option<Excess> {
        let uri = request.uri();
        let cookies = request.headers().get_all(COOKIE);
        let cookie_bytes: usize = cookies.map(HeaderValue::len).sum();
        if request.method().as_str().len() > METHOD_LIMIT {
            Some(Excess::Method)
        } else if uri.path().len() > PATH_LIMIT {
            Some(Excess::Path)
        } else if uri.query().map_or(0, str::len) > QUERY_LIMIT {
            Some(Excess::Query)
        } else if cookie_bytes > COOKIE_BYTES_LIMIT
            || count_cookies(request.headers()) > COOKIES_LIMIT
        {
            Some(Excess::Cookies)
        } else {
            None
        }
    }

    /// The response, without a body: `error_pages` adds it. A browser with too many cookies would send them with every
    /// request, so it is told to delete them. Another site of the same domain may have planted them.
    pub fn response(self) -> HttpResponse {
        let mut response = HttpResponse::build(match self {
            Excess::Path => StatusCode::URI_TOO_LONG,
            Excess::Method | Excess::Query | Excess::Cookies => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
        });
        if self == Excess::Cookies {
            response.insert_header((CLEAR_SITE_DATA, "\"cookies\""));
        }
        response.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::Method;
    use actix_web::test::TestRequest;

    fn excess(request: TestRequest) -> Option<Excess> {
        Excess::of(&request.to_srv_request())
    }

    #[test]
    fn a_method_a_path_and_a_query_have_a_longest_length() {
        let method = |len| {
            let method = Method::from_bytes("A".repeat(len).as_bytes());
            excess(TestRequest::default().method(method.unwrap()))
        };
        let uri = |uri: String| excess(TestRequest::with_uri(&uri));
        assert_eq!((method(16), method(17)), (None, Some(Excess::Method)));
        let path = |len: usize| uri(format!("/{}?x", "a".repeat(len - 1)));
        assert_eq!((path(2048), path(2049)), (None, Some(Excess::Path)));
        let query = |len| uri(format!("/?{}", "a".repeat(len)));
        assert_eq!((query(8192), query(8193)), (None, Some(Excess::Query)));
    }

    #[test]
    fn cookies_are_counted_over_all_their_headers() {
        let with = |lines: &[String]| {
            let request = TestRequest::default();
            let lines = lines.iter();
            excess(lines.fold(request, |request, line| {
                request.append_header((COOKIE, line.as_str()))
            }))
        };
        let long = "a".repeat(8192);
        assert_eq!(with(&[long.clone(), long.clone()]), None);
        let more = with(&[long.clone(), long, "a".to_owned()]);
        assert_eq!(more, Some(Excess::Cookies));
        let many = "a=;".repeat(32);
        assert_eq!(with(&[many.clone(), many.clone()]), None);
        let more = with(&[many.clone(), many, "a".to_owned()]);
        assert_eq!(more, Some(Excess::Cookies));
    }
}
