//! Scheme and host of an original request: one spelling for each, so that a rule for a host holds however the host is
//! written.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest name, in bytes (RFC 1035, 2.3.4).
const NAME_LIMIT: usize = 253;

/// How the browser reached the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`, also of a WebSocket (`ws`).
    Http,
    /// `https`, also of a WebSocket (`wss`).
    Https,
}

impl Scheme {
    /// `http`, `https`, `ws` or `wss`, in lower case.
    pub fn parse(text: &str) -> Option<Scheme> {
        match text {
            "http" | "ws" => Some(Scheme::Http),
            "https" | "wss" => Some(Scheme::Https),
            _ => None,
        }
    }

    /// As URLs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// A host, with its port unless that is the scheme's default. A name is in lower case and without a trailing dot; an address
/// is written in the usual way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host<'a>(Cow<'a, str>);

impl<'a> Host<'a> {
    /// Reads what a `Host` header holds; nothing if it is not exactly one host (RFC 9110, 7.2).
    pub fn parse(text: &'a str, scheme: Scheme) -> Option<Host<'a>> {
        let (name, port) = split_port(text)?;
        let name = match name.strip_prefix('[') {
            Some(address) => Cow::Owned(ipv6(address.strip_suffix(']')?)?),
            None => domain(name)?,
        };
        let port = match port {
            None => None,
            Some(port) => Some(parse_port(port)?).filter(|port| *port != scheme.default_port()),
        };
        Some(Host(match port {
            None => name,
            Some(port) => Cow::Owned(format!("{name}:{port}")),
        }))
    }

    /// The host as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, independent of the request.
    pub fn into_owned(self) -> Host<'static> {
        Host(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Host and port. The colons of an address stand in brackets.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    let host_end = match text.strip_prefix('[') {
        Some(_) => text.find(']')? + 1,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(host_end);
    match rest {
        "" => Some((host, None)),
        rest => Some((host, Some(rest.strip_prefix(':')?))),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let is_usual = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    is_usual.then(|| text.parse().ok())?
}

/// A zone (`fe80::1%eth0`) means nothing outside its machine and is not accepted.
fn ipv6(text: &str) -> Option<String> {
    let address: Ipv6Addr = text.parse().ok()?;
    Some(format!("[{address}]"))
}

fn domain(text: &str) -> Option<Cow<'_, str>> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_fine)
    };
    if name.len() > NAME_LIMIT || !name.split('.').all(is_label) {
        return None;
    }
    // Browsers read a name whose last label is a number as an IPv4 address, `127.1` and `0x7f.1` too: one spelling only.
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = |text: &str| {
        let hex = text.strip_prefix("0x").or(text.strip_prefix("0X"));
        text.bytes().all(|byte| byte.is_ascii_digit())
            || hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    if is_number(last) && name.parse::<Ipv4Addr>().is_err() {
        return None;
    }
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Some(Cow::Owned(name.to_ascii_lowercase())),
        false => Some(Cow::Borrowed(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https(text: &str) -> Option<String> {
        Host::parse(text, Scheme::Https).map(|host| host.to_string())
    }

    #[test]
    fn cve_2026_48794_a_host_in_capitals_is_the_same_host() {
        for text in [
            "app.example.com",
            "APP.Example.COM",
            "app.example.com.",
            "app.example.com:443",
            "APP.example.com.:443",
        ] {
            assert_eq!(https(text).as_deref(), Some("app.example.com"), "{text}");
        }
    }

    #[test]
    fn a_port_is_part_of_the_host_unless_it_is_the_default_one() {
        for (text, scheme, expected) in [
            ("app:8443", Scheme::Https, "app:8443"),
            ("app:80", Scheme::Https, "app:80"),
            ("app:80", Scheme::Http, "app"),
            ("app:443", Scheme::Http, "app:443"),
            ("[::1]:8080", Scheme::Http, "[::1]:8080"),
            ("[0:0::1]:80", Scheme::Http, "[::1]"),
            ("192.0.2.1:9000", Scheme::Http, "192.0.2.1:9000"),
        ] {
            let host = Host::parse(text, scheme).unwrap();
            assert_eq!(host.as_str(), expected, "{text}");
        }
    }

    #[test]
    fn a_host_that_could_be_read_in_two_ways_is_rejected() {
        let long = "a.".repeat(127) + "a";
        let long_label = "a".repeat(64) + ".example";
        for text in [
            "",
            ".",
            "..",
            ".example.com",
            "a..b",
            "a.example.com..",
            "a b",
            "a,b",
            "a@b",
            "a/b",
            "a\\b",
            "a%2eb",
            "a_b",
            "bücher.example",
            "a\0",
            "a:",
            "a:0",
            "a:080",
            "a:65536",
            "a:+80",
            "a:80:80",
            ":80",
            "::1",
            "[::1",
            "[::1]80",
            "[::1%25eth0]",
            "[fe80::1%eth0]",
            "[]",
            "[1.2.3.4]",
            "127.1",
            "0177.0.0.1",
            "1.2.3.4.5",
            "0x7f.0.0.0x1",
            "a.1",
            "a#b",
            "a?b",
            "\u{ff21}.example",
            &long,
            &long_label,
        ] {
            assert_eq!(https(text), None, "{text}");
        }
    }
}
