//! Whom to believe about who asks, and about the name of a request.

use std::net::IpAddr;

use ipnet::IpNet;

use super::source::Source;
use super::values;

/// `TRUSTED_PROXIES`, and where those write whom they speak for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrustedProxies {
    /// Their networks.
    pub networks: Vec<IpNet>,
    /// Whether whoever comes through a Unix socket is one of them.
    pub unix: bool,
    /// `CLIENT_ADDR_HEADER`.
    pub header: ForwardHeader,
    /// `TRUST_REQUEST_ID`: whether they set `X-Request-Id` or `traceparent` themselves. Most hand on
    /// what visitors send.
    pub name_requests: bool,
}

/// Where a proxy writes whom it speaks for. One alone: what the proxy does not write itself, it hands
/// on as the client made it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl TrustedProxies {
    /// Whether there are none.
    pub fn is_nobody(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether `ip` is one of them.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// `TRUSTED_PROXIES`, `CLIENT_ADDR_HEADER` and `TRUST_REQUEST_ID`.
pub fn read(source: &mut Source<'_>) -> TrustedProxies {
    let trusted = source.optional("TRUSTED_PROXIES", "10.0.0.0/8 2001:db8::/32 unix", proxies);
    let header = source.optional("CLIENT_ADDR_HEADER", "x-forwarded-for", header);
    let name_requests = source.optional("TRUST_REQUEST_ID", "true", values::boolean);
    TrustedProxies {
        header: header.unwrap_or_default(),
        name_requests: name_requests.unwrap_or_default(),
        ..trusted.unwrap_or_default()
    }
}

fn proxies(text: String) -> Result<TrustedProxies, String> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let mut proxies = TrustedProxies::default();
    for word in words {
        match (word, network(word)) {
            ("unix", _) => proxies.unix = true,
            (_, Some(network)) if is_public_sized(&network) => {
                return Err(
                    "has a network so large that strangers are in it, and they could claim any client address; \
                     name the proxies' own addresses"
                        .to_owned(),
                );
            }
            (_, Some(network)) => proxies.networks.push(network),
            (_, None) => {
                return Err("has an entry that is not a network, an address or `unix`".to_owned());
            }
        }
    }
    Ok(proxies)
}

/// An address alone is a network of one. An IPv4 network that is written as an IPv6 one (`::ffff:10.0.0.0/104`) is the
/// former, as an address of a peer is.
fn network(word: &str) -> Option<IpNet> {
    let address = || word.parse().ok().map(|ip: IpAddr| ip.into());
    let network: IpNet = word.parse().ok().or_else(address)?;
    let mapped = network.prefix_len().checked_sub(96);
    match (network.addr().to_canonical(), mapped) {
        (ip @ IpAddr::V4(_), Some(prefix_len)) => IpNet::new(ip, prefix_len).ok(),
        _ => Some(network),
    }
}

/// The largest networks that one owner can have are 10.0.0.0/8 and fc00::/7. A larger one is a part of
/// the internet, or all of it (0.0.0.0/0).
fn is_public_sized(network: &IpNet) -> bool {
    network.prefix_len() < if network.addr().is_ipv4() { 8 } else { 7 }
}

fn header(text: String) -> Result<ForwardHeader, String> {
    match text.to_ascii_lowercase().as_str() {
        "x-forwarded-for" => Ok(ForwardHeader::XForwardedFor),
        "forwarded" => Ok(ForwardHeader::Forwarded),
        _ => Err("is neither x-forwarded-for nor forwarded".to_owned()),
    }
}
