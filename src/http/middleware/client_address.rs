//! Who asks: the address of the person's machine, which is the peer's unless that is a proxy we trust.
//! For logs and limits only: no redirect and no cookie depends on it.

use std::net::{IpAddr, SocketAddr};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;

use crate::settings::{ForwardHeader, TrustedProxies};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddr {
    /// Nothing where it can't be told: behind a Unix socket whose peer is not trusted, or where a
    /// trusted proxy wrote something else than an address.
    pub ip: Option<IpAddr>,
    /// Whether the peer is trusted, so that its other headers may be believed too.
    pub peer_is_trusted: bool,
}

/// Where `request` comes from.
pub fn of(proxies: &TrustedProxies, request: &ServiceRequest) -> ClientAddr {
    proxies.client(request.peer_addr(), request.headers())
}

impl TrustedProxies {
    /// Who asks. `peer` is nobody behind a Unix socket. Walks the header from right to left past
    /// trusted proxies; the first address that is not one of them is the client, whatever stands to
    /// the left of it. Where none of them wrote the header, it is the peer.
    pub fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> ClientAddr {
        let peer = peer.map(|peer| peer.ip().to_canonical());
        let peer_is_trusted = peer.map_or(self.unix, |peer| self.contains(peer));
        let ip = match peer_is_trusted {
            true => self.forwarded(peer, headers),
            false => peer,
        };
        ClientAddr {
            ip,
            peer_is_trusted,
        }
    }

    /// Each hop is judged when it is reached, as bytes: what a visitor wrote further to the left
    /// must not decide whether the rest can be read.
    fn forwarded(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let name = match self.header {
            ForwardHeader::XForwardedFor => "x-forwarded-for",
            ForwardHeader::Forwarded => "forwarded",
        };
        let lines: Vec<&[u8]> = headers.get_all(name).map(|line| line.as_bytes()).collect();
        let mut furthest = peer;
        for line in lines.iter().rev() {
            for hop in line.rsplit(|byte| *byte == b',') {
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

/// The `for` of one hop (RFC 7239, 4): once, an address. No quoted comma or semicolon can be part of
/// one, so splitting at them loses nothing but what is malformed.
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
