use super::*;
use crate::gateway::kind::Kind;

/// Headers of a test.
pub struct Pairs<'a>(pub &'a [(&'a str, &'a str)]);

impl Headers for Pairs<'_> {
    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let of_name = move |pair: &&(&str, &str)| pair.0 == name;
        self.0.iter().filter(of_name).map(|pair| pair.1.as_bytes())
    }
}

const FORWARD: [(&str, &str); 4] = [
    ("x-forwarded-method", "GET"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "app.example.com"),
    ("x-forwarded-uri", "/a?b"),
];

const REQUEST: [(&str, &str); 2] = [
    ("x-original-method", "GET"),
    ("x-original-url", "https://app.example.com/a?b"),
];

fn url_by(kind: Kind, pairs: &[(&str, &str)]) -> Result<String, Malformed> {
    let headers = Pairs(pairs);
    let request = match kind {
        Kind::Forward => forward(&headers),
        Kind::Request => request(&headers),
        Kind::ExtAuthz => ext_authz(&headers, "GET", b"/a?b", Scheme::Https),
    };
    request.map(|request| format!("{} {}", request.method, request.url()))
}

#[test]
fn each_way_of_asking_describes_the_same_request() {
    let envoy = [("host", "app.example.com")];
    for (kind, pairs) in [
        (Kind::Forward, &FORWARD[..]),
        (Kind::Request, &REQUEST),
        (Kind::ExtAuthz, &envoy),
    ] {
        let url = url_by(kind, pairs).unwrap();
        assert_eq!(url, "GET https://app.example.com/a?b", "{kind:?}");
    }
}

#[test]
fn cve_2026_40575_a_header_that_another_proxy_would_set_changes_nothing() {
    let foreign = [
        ("host", "evil.example"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-path", "/evil"),
        ("x-original-uri", "/evil"),
        ("x-envoy-original-path", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("x-real-ip", "10.0.0.1"),
    ];
    let originals = [
        ("x-original-method", "PUT"),
        ("x-original-url", "http://evil.example/"),
    ];
    let forwarded = [
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-uri", "/evil"),
    ];
    let with = |mine: &[(&'static str, &'static str)], others: &[(&'static str, &'static str)]| {
        [mine, others, &foreign].concat()
    };
    let expected = "GET https://app.example.com/a?b";
    assert_eq!(
        url_by(Kind::Forward, &with(&FORWARD, &originals)).unwrap(),
        expected
    );
    let proto = [("x-forwarded-proto", "http")];
    let forwarded_and_proto = [&forwarded[..], &proto].concat();
    assert_eq!(
        url_by(Kind::Request, &with(&REQUEST, &forwarded_and_proto)).unwrap(),
        expected
    );
    let envoy = [
        &[("host", "app.example.com")][..],
        &originals,
        &forwarded,
        &foreign[1..],
    ]
    .concat();
    assert_eq!(url_by(Kind::ExtAuthz, &envoy).unwrap(), expected);
}

#[test]
fn cve_2025_64484_underscore_headers_are_never_read() {
    let mut headers = FORWARD;
    headers[3] = ("x_forwarded_uri", "/a");
    let malformed = url_by(Kind::Forward, &headers).unwrap_err();
    assert_eq!(
        (malformed.header, malformed.fault),
        ("X-Forwarded-Uri", Fault::Missing)
    );
}

#[test]
fn doubled_headers_are_refused() {
    for (kind, headers) in [(Kind::Forward, &FORWARD[..]), (Kind::Request, &REQUEST)] {
        for at in 0..headers.len() {
            let doubled = [headers, &headers[at..=at]].concat();
            let malformed = url_by(kind, &doubled).unwrap_err();
            assert_eq!(malformed.fault, Fault::Repeated);
            assert!(malformed.to_string().starts_with(malformed.header));
            let mut missing = headers.to_vec();
            missing.remove(at);
            assert_eq!(url_by(kind, &missing).unwrap_err().fault, Fault::Missing);
            let mut joined = headers.to_vec();
            let twice = format!("{0}, {0}", headers[at].1);
            joined[at].1 = &twice;
            assert_eq!(url_by(kind, &joined).unwrap_err().fault, Fault::NotText);
            let mut empty = headers.to_vec();
            empty[at].1 = "";
            assert_eq!(url_by(kind, &empty).unwrap_err().fault, Fault::Invalid);
        }
    }
    let hosts = [("host", "a.example"), ("host", "b.example")];
    assert_eq!(
        url_by(Kind::ExtAuthz, &hosts).unwrap_err().fault,
        Fault::Repeated
    );
    let protos = [
        ("host", "a"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-proto", "http"),
    ];
    assert_eq!(
        url_by(Kind::ExtAuthz, &protos).unwrap_err().fault,
        Fault::Repeated
    );
}

#[test]
fn each_part_is_checked() {
    for (at, value, part) in [
        (0, "get", Part::Method),
        (0, "CONNECT", Part::Method),
        (0, "TRACE", Part::Method),
        (0, "A23456789012345678901", Part::Method),
        (1, "HTTPS", Part::Scheme),
        (1, "ftp", Part::Scheme),
        (1, "https,http", Part::Scheme),
        (2, "a,b", Part::Host),
        (2, "user@a", Part::Host),
        (2, "a%2eb", Part::Host),
        (2, "ä.example", Part::Header),
        (3, "a", Part::Path),
        (3, "http://a/b", Part::Path),
        (3, "/a#b", Part::Path),
        (3, "/%zz", Part::Path),
        (3, "/a b", Part::Header),
    ] {
        let mut headers = FORWARD;
        headers[at].1 = value;
        let malformed = url_by(Kind::Forward, &headers).unwrap_err();
        assert_eq!(malformed.part, part, "{value}");
    }
}

#[test]
fn cve_2021_32637_a_malformed_url_is_refused() {
    for (url, part) in [
        ("app.example.com/a", Part::Scheme),
        ("https:/app.example.com/a", Part::Scheme),
        ("https//app.example.com/a", Part::Scheme),
        ("https://", Part::Path),
        ("https://app.example.com", Part::Path),
        ("https://app.example.com?a", Part::Path),
        ("https:///a", Part::Host),
        ("https://a:b@app.example.com/a", Part::Host),
        ("https://app.example.com\\@b/a", Part::Host),
        ("https://app.example.com#/a", Part::Host),
        ("javascript://app.example.com/a", Part::Scheme),
    ] {
        let headers = [("x-original-method", "GET"), ("x-original-url", url)];
        let malformed = url_by(Kind::Request, &headers).unwrap_err();
        assert_eq!(malformed.part, part, "{url}");
    }
}

#[test]
fn a_websocket_is_known_by_its_scheme() {
    let mut headers = FORWARD;
    headers[1].1 = "wss";
    let request = Pairs(&headers);
    let request = forward(&request).unwrap();
    assert!(request.is_websocket);
    assert_eq!(request.origin(), "https://app.example.com");
}
