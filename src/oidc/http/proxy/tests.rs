//! Which hosts are reached through the proxy, and how the settings are read.

use super::*;
use secrecy::ExposeSecret;

fn is_proxied(exceptions: &str, host: &str, port: u16) -> bool {
    let upstream = Upstream::parse("proxy.example:3128").unwrap();
    let exceptions = Exceptions::parse(exceptions).unwrap();
    Proxy::new(Some(upstream), exceptions)
        .route(host, port)
        .is_some()
}

#[test]
fn a_proxy_is_told_by_its_url() {
    for (text, shown, authorization) in [
        ("http://proxy.example:3128", "proxy.example:3128", None),
        ("proxy.example:3128/", "proxy.example:3128", None),
        ("http://proxy.example", "proxy.example:80", None),
        ("http://[2001:db8::1]:8080", "[2001:db8::1]:8080", None),
        (
            "http://ada:p%40ss%3Aword@proxy.example:3128",
            "proxy.example:3128",
            Some("Basic YWRhOnBAc3M6d29yZA=="),
        ),
    ] {
        let upstream = Upstream::parse(text).unwrap();
        assert_eq!(upstream.to_string(), shown);
        let found = upstream.authorization.as_ref();
        assert_eq!(found.map(ExposeSecret::expose_secret), authorization);
        assert!(!format!("{upstream:?}").contains("YWRh"));
    }
}

#[test]
fn what_is_no_http_proxy_is_refused_without_repeating_it() {
    for text in [
        "socks5://ada:secret@proxy.example:1080",
        "https://ada:secret@proxy.example:443",
        "http://ada:secret@proxy.example:3128/path",
        "http://ada:secret@proxy.example:3128?query",
        "http://ada:secret@:3128",
        "http://ada:secret@proxy.example:999999",
    ] {
        let fault = Upstream::parse(text).unwrap_err();
        assert!(!fault.contains("secret"), "{fault}");
    }
}

#[test]
fn without_a_proxy_nothing_is_proxied() {
    assert!(Proxy::default().route("op.example", 443).is_none());
}

#[test]
fn this_machine_is_never_asked_through_a_proxy() {
    for host in [
        "localhost",
        "LOCALHOST.",
        "op.localhost",
        "127.0.0.1",
        "127.9.9.9",
        "::1",
    ] {
        assert!(!is_proxied("", host, 443), "{host}");
    }
    assert!(is_proxied("", "localhost.example", 443));
}

#[test]
fn exceptions_are_hosts_domains_ports_addresses_and_networks() {
    for (exceptions, host, port, expected) in [
        ("*", "op.example", 443, false),
        ("op.example", "op.example", 443, false),
        ("OP.example", "op.EXAMPLE.", 443, false),
        ("example", "op.example", 443, false),
        ("op.example", "notop.example", 443, true),
        ("op.example", "op.example.org", 443, true),
        (".example", "op.example", 443, false),
        (".op.example", "op.example", 443, true),
        ("*.op.example", "login.op.example", 443, false),
        ("*.op.example", "op.example", 443, true),
        ("op.example:8443", "op.example", 443, true),
        ("op.example:443", "op.example", 443, false),
        ("a.example, b.example op.example", "op.example", 443, false),
        ("10.0.0.0/8", "10.1.2.3", 443, false),
        ("10.0.0.0/8", "11.1.2.3", 443, true),
        ("10.1.2.3", "10.1.2.3", 443, false),
        ("10.1.2.3:443", "10.1.2.3", 443, false),
        ("1.2.3", "10.1.2.3", 443, true),
        ("2001:db8::/32", "2001:db8::5", 443, false),
        ("[2001:db8::5]", "2001:db8::5", 443, false),
        ("[2001:db8::5]:443", "2001:db8::5", 443, false),
        ("10.0.0.0/8", "op.example", 443, true),
        ("", "op.example", 443, true),
    ] {
        let what = format!("{exceptions:?} {host} {port}");
        assert_eq!(is_proxied(exceptions, host, port), expected, "{what}");
    }
}

#[test]
fn an_entry_that_can_not_be_read_is_a_fault() {
    for text in [
        "10.0.0.0/99",
        "op.example/path",
        "op.example:port",
        ".",
        "a, :443",
    ] {
        assert!(Exceptions::parse(text).is_err(), "{text}");
    }
}
