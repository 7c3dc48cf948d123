//! The proxy through which the provider is reached, and for which hosts there is none: `HTTPS_PROXY` and `NO_PROXY`.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

/// Where to connect to for a host. The default is the host itself.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    upstream: Option<Upstream>,
    exceptions: Exceptions,
}

/// An HTTP proxy that connects on our behalf (`CONNECT`, RFC 9110, 9.3.6).
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its host, an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What `Proxy-Authorization` says, if it wants to know who we are.
    pub authorization: Option<SecretString>,
}

/// The hosts that are asked without the proxy.
#[derive(Clone, Debug, Default)]
pub struct Exceptions(Vec<Exception>);

#[derive(Clone, Debug, PartialEq)]
enum Exception {
    Everything,
    Network(IpNet),
    Host(HostException),
}

#[derive(Clone, Debug, PartialEq)]
struct HostException {
    /// In small letters, without a dot in front.
    name: String,
    /// Whether the name itself is meant, and not only what is below it.
    itself: bool,
    port: Option<u16>,
}

impl Proxy {
    /// Through `upstream`, if there is one, but for `exceptions`.
    pub fn new(upstream: Option<Upstream>, exceptions: Exceptions) -> Self {
        Proxy {
            upstream,
            exceptions,
        }
    }

    /// The proxy for `host`, an IPv6 address without brackets. This machine itself is never asked through one: what
    /// goes there in the clear must not leave it.
    pub fn route(&self, host: &str, port: u16) -> Option<&Upstream> {
        let upstream = self.upstream.as_ref()?;
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        let is_here = match address {
            Some(address) => address.is_loopback(),
            None => host == "localhost" || host.ends_with(".localhost"),
        };
        let is_exception = |it: &Exception| it.covers(&host, address, port);
        (!is_here && !self.exceptions.0.iter().any(is_exception)).then_some(upstream)
    }
}

impl Upstream {
    /// Reads `http://user:password@host:port`; without a scheme it is http, without a port 80.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = match text.contains("://") {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let url = Url::parse(&text).map_err(|cause| format!("is not a URL ({cause})"))?;
        if url.scheme() != "http" {
            return Err("must begin with http:// (a proxy that is asked by CONNECT)".to_owned());
        }
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
        if !is_bare || url.fragment().is_some() {
            return Err("must end with the port".to_owned());
        }
        let host = url.host_str().ok_or("has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let authorization = has_credentials.then(|| {
            let mut credentials = decoded(url.username());
            credentials.push(b':');
            credentials.extend(decoded(url.password().unwrap_or_default()));
            format!("Basic {}", STANDARD.encode(credentials)).into()
        });
        Ok(Upstream {
            host: host.to_owned(),
            port: url.port().unwrap_or(80),
            authorization,
        })
    }
}

/// `host:port`, never the credentials.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Exceptions {
    /// Reads a list, separated by commas or spaces: `*`, an address, a network (`10.0.0.0/8`), a name, which means what
    /// is below it too, `.name`, which means only what is below it; addresses and names also with a port.
    ///
    /// # Errors
    /// Which entry can't be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let entries = text.split([',', ' ', '\t']);
        let entries = entries.filter(|entry| !entry.is_empty());
        entries
            .map(Exception::parse)
            .collect::<Result<_, _>>()
            .map(Exceptions)
    }
}

impl Exception {
    fn parse(entry: &str) -> Result<Self, String> {
        let wrong = || format!("has an entry that is no host, address or network: {entry:?}");
        if entry == "*" {
            return Ok(Exception::Everything);
        }
        if let Ok(network) = entry.parse() {
            return Ok(Exception::Network(network));
        }
        if entry.contains('/') {
            return Err(wrong());
        }
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Exception::Network(address.into()));
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| wrong())?)),
            None => (entry, None),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let below = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
        let bare = below.unwrap_or(name).trim_end_matches('.');
        if bare.is_empty() {
            return Err(wrong());
        }
        Ok(Exception::Host(HostException {
            name: bare.to_ascii_lowercase(),
            itself: below.is_none(),
            port,
        }))
    }

    fn covers(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        match self {
            Exception::Everything => true,
            Exception::Network(network) => address.is_some_and(|it| network.contains(&it)),
            Exception::Host(exception) => {
                let above = host.strip_suffix(exception.name.as_str());
                let is_named = match above {
                    Some("") => exception.itself,
                    Some(above) => address.is_none() && above.ends_with('.'),
                    None => false,
                };
                is_named && exception.port.is_none_or(|it| it == port)
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
}
