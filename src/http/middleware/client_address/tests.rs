use super::*;
use actix_web::http::header::{HeaderName, HeaderValue};

fn client(proxies: &str, peer: &str, headers: &[(&str, &str)]) -> Option<String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let trusted = TrustedProxies {
        networks: proxies
            .split_whitespace()
            .map(|network| network.parse().unwrap())
            .collect(),
        unix: proxies.is_empty(),
        header: match headers.first() {
            Some(("Forwarded", _)) => ForwardHeader::Forwarded,
            _ => ForwardHeader::XForwardedFor,
        },
        name_requests: false,
    };
    let peer = (!peer.is_empty()).then(|| SocketAddr::new(peer.parse().unwrap(), 9));
    let ip = trusted.client(peer, &map).ip;
    ip.map(|ip| ip.to_string())
}

#[test]
fn the_headers_of_an_untrusted_peer_are_ignored() {
    for header in ["X-Forwarded-For", "Forwarded"] {
        let headers = [(header, "198.51.100.7"), (header, "for=198.51.100.7")];
        let found = client("10.0.0.0/8", "203.0.113.1", &headers);
        assert_eq!(found.as_deref(), Some("203.0.113.1"));
    }
}

#[test]
fn the_first_untrusted_address_from_the_right_is_the_client() {
    let proxies = "10.0.0.0/8 2001:db8:aaaa::/48";
    for (header, found) in [
        ("198.51.100.7", "198.51.100.7"),
        ("1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("rubbish, 198.51.100.7,10.9.9.9", "198.51.100.7"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("2001:db8::1, 2001:db8:aaaa::5", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
    ] {
        let headers = [("X-Forwarded-For", header)];
        assert_eq!(
            client(proxies, "10.0.0.1", &headers).as_deref(),
            Some(found),
            "{header}"
        );
    }
}

#[test]
fn several_lines_of_a_header_are_one_list() {
    let headers = [
        ("X-Forwarded-For", "1.1.1.1, 2.2.2.2"),
        ("X-Forwarded-For", "10.2.2.2"),
    ];
    assert_eq!(
        client("10.0.0.0/8", "10.0.0.1", &headers).as_deref(),
        Some("2.2.2.2")
    );
}

#[test]
fn a_malformed_hop_of_a_trusted_proxy_gives_no_address() {
    for header in [
        "",
        ",",
        "unknown",
        "198.51.100.7, ",
        "198.51.100.7, x",
        "198.51.100.7 10.0.0.1",
        "198.51.100.256",
        "0x7f.1",
        "fe80::1%eth0",
        "198.51.100.7, \u{e9}",
        "[198.51.100.7",
        "a]",
    ] {
        let headers = [("X-Forwarded-For", header)];
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &headers), None, "{header}");
    }
}

#[test]
fn what_is_to_the_left_of_the_client_is_ignored() {
    for rubbish in [
        &b"\xff"[..],
        b"\xe2\x80\x83",
        b"unknown",
        b"",
        b"\x80\xff,\xff",
    ] {
        let mut lines = vec![
            [rubbish, b", 198.51.100.7, 10.2.2.2"].concat(),
            [rubbish, b",198.51.100.7"].concat(),
        ];
        lines[1] = [&lines[1][..], b"\t"].concat();
        for line in lines {
            let mut headers = HeaderMap::new();
            for value in [rubbish, &line] {
                let name = HeaderName::from_static("x-forwarded-for");
                headers.append(name, HeaderValue::from_bytes(value).unwrap());
            }
            let trusted = TrustedProxies {
                networks: vec!["10.0.0.0/8".parse().unwrap()],
                ..TrustedProxies::default()
            };
            let peer = Some("10.0.0.1:9".parse().unwrap());
            let ip = trusted.client(peer, &headers).ip;
            assert_eq!(ip, Some("198.51.100.7".parse().unwrap()), "{line:?}");
        }
    }
}

#[test]
fn forwarded_is_parsed_as_rfc_7239_says() {
    for (header, found) in [
        ("for=198.51.100.7", "198.51.100.7"),
        ("For=\"198.51.100.7:80\";proto=https", "198.51.100.7"),
        (
            "proto=https; for=\"[2001:db8::1]:4711\" ;by=10.0.0.1",
            "2001:db8::1",
        ),
        (
            "for=1.1.1.1, for=198.51.100.7, for=10.3.3.3",
            "198.51.100.7",
        ),
        // Obfuscated, unknown, missing, twice, malformed.
        ("for=_hidden", ""),
        ("for=unknown", ""),
        ("for=198.51.100.7, proto=https", ""),
        ("for=198.51.100.7;for=198.51.100.8", ""),
        ("for=\"198.51.100.7", ""),
        ("198.51.100.7", ""),
        ("\u{2003}for=198.51.100.7", ""),
        ("for=\u{2003}198.51.100.7", ""),
    ] {
        let headers = [("Forwarded", header)];
        let expected = (!found.is_empty()).then_some(found);
        assert_eq!(
            client("10.0.0.0/8", "10.0.0.1", &headers).as_deref(),
            expected,
            "{header}"
        );
    }
}

/// nginx sets one of the headers and passes the other on unchanged.
#[test]
fn the_other_header_is_never_read() {
    let headers = [
        ("X-Forwarded-For", "198.51.100.7"),
        ("Forwarded", "for=10.66.66.66"),
    ];
    assert_eq!(
        client("10.0.0.0/8", "10.0.0.1", &headers).as_deref(),
        Some("198.51.100.7")
    );
    let headers = [
        ("X-Real-IP", "10.66.66.66"),
        ("Forwarded", "for=198.51.100.7"),
    ];
    assert_eq!(
        client("10.0.0.0/8", "10.0.0.1", &headers).as_deref(),
        Some("10.0.0.1")
    );
}

#[test]
fn behind_a_unix_socket_the_peer_is_trusted_only_if_the_setting_says_so() {
    let headers = [("X-Forwarded-For", "198.51.100.7")];
    assert_eq!(client("", "", &headers).as_deref(), Some("198.51.100.7"));
    assert_eq!(client("10.0.0.0/8", "", &headers), None);
}

#[test]
fn an_ipv4_peer_of_an_ipv6_socket_is_an_ipv4_address() {
    let headers = [("X-Forwarded-For", "198.51.100.7")];
    let found = client("10.0.0.0/8", "::ffff:10.0.0.1", &headers);
    assert_eq!(found.as_deref(), Some("198.51.100.7"));
}
