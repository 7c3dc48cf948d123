//! The client's address: the peer's, or the one that a trusted proxy forwards. It is used for logs and limits only: no
//! redirect and no cookie depends on it.

use std::net::{IpAddr, SocketAddr};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap};

use crate::settings::{ForwardHeader, TrustedProxies};

/// The address that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    /// The address. `None` if it is unknown: behind a Unix socket whose peer is not trusted, or if a trusted proxy wrote
    /// something other than an address.
    pub ip: Option<IpAddr>,
    /// Whether the peer is a trusted proxy, whose other headers can be trusted too.
    pub peer_is_trusted: bool,
}

/// The address that `request` comes from.
pub fn of(proxies: &TrustedProxies, request: &ServiceRequest) -> ClientAddress {
    proxies.client(request.peer_addr(), request.headers())
}

impl TrustedProxies {
    /// The client of a request. `peer` is `None` behind a Unix socket. Walks the header from right to left past trusted
    /// proxies; the first untrusted address is the client, and what is to the left of it is ignored. If a trusted peer sent
    /// no header, the peer is the client.
    pub fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> ClientAddress {
        let peer = peer.map(|peer| peer.ip().to_canonical());
        let peer_is_trusted = peer.map_or(self.unix, |peer| self.contains(peer));
        let ip = match peer_is_trusted {
            true => self.forwarded(peer, headers),
            false => peer,
        };
        ClientAddress {
            ip,
            peer_is_trusted,
        }
    }

    /// Reads the header as bytes, hop by hop: what a client wrote further to the left, be it no UTF-8, must not hide the
    /// hops that proxies added.
    fn forwarded(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let name = match self.header {
            ForwardHeader::XForwardedFor => header::X_FORWARDED_FOR,
            ForwardHeader::Forwarded => header::FORWARDED,
        };
        let mut furthest = peer;
        for line in headers.get_all(name).rev() {
            for hop in line.as_bytes().rsplit(|byte| *byte == b',') {
                let hop = std::str::from_utf8(hop).ok()?;
                let ip = match self.header {
                    ForwardHeader::XForwardedFor => address(hop.trim_ascii()),
                    ForwardHeader::Forwarded => forwarded_for(hop),
                }?;
                if !self.contains(ip) {
                    return Some(ip);
                }
                furthest = Some(ip);
            }
        }
        furthest
    }
}

/// The address in the only `for` of one hop (RFC 7239, 4). An address has no comma and no semicolon, so splitting at them
/// without regard to quotes breaks nothing but malformed values.
fn forwarded_for(hop: &str) -> Option<IpAddr> {
    let mut values = hop.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_for = name.trim_ascii().eq_ignore_ascii_case("for");
        is_for.then_some(value)
    });
    let (value, None) = (values.next()?.trim_ascii(), values.next()) else {
        return None;
    };
    let quoted = value.strip_prefix('"').map(|rest| rest.strip_suffix('"'));
    address(quoted.unwrap_or(Some(value))?)
}

/// An address as proxies write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip = bare.unwrap_or(text).parse().ok();
    let ip = ip.or_else(|| text.parse().ok().map(|addr: SocketAddr| addr.ip()));
    ip.map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests;
