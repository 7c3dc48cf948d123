//! The proxy for requests to the provider, and the hosts that are reached directly: `HTTPS_PROXY` and `NO_PROXY`.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

/// Which connections go through a proxy. By default none does.
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
    /// The header `Proxy-Authorization`, if the proxy requires it.
    pub authorization: Option<SecretString>,
}

/// The hosts that are reached without the proxy.
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
    /// In lower case, without a leading dot.
    name: String,
    /// Whether the name itself matches, and not only its subdomains.
    itself: bool,
    port: Option<u16>,
}

impl Proxy {
    /// Through `upstream`, if there is one, except for `exceptions`.
    pub fn new(upstream: Option<Upstream>, exceptions: Exceptions) -> Self {
        Proxy {
            upstream,
            exceptions,
        }
    }

    /// The proxy for `host`, an IPv6 address without brackets. There is none for this machine itself: plain http to it
    /// must not leave it.
    pub fn route(&self, host: &str, port: u16) -> Option<&Upstream> {
        let upstream = self.upstream.as_ref()?;
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        let is_local = match address {
            Some(address) => address.is_loopback(),
            None => host == "localhost" || host.ends_with(".localhost"),
        };
        let is_exception = |it: &Exception| it.covers(&host, address, port);
        (!is_local && !self.exceptions.0.iter().any(is_exception)).then_some(upstream)
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
    /// Reads a list, separated by commas or spaces: `*`, an address, a network (`10.0.0.0/8`), a name, which
    /// includes its subdomains, `.name`, which means only its subdomains; addresses and names also with a port.
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
mod tests;
