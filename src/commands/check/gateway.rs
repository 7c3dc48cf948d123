//! What can be checked of the gateway without a request: the rules, where it listens, and who may ask.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::report::Finding;
use crate::commands::risky_rules::{self, Risk};
use crate::settings::{Gateway, ListenAddr, Settings};

/// More addresses than one operator has proxies: 65,536 for IPv4.
const WIDE_V4: u8 = 16;
const WIDE_V6: u8 = 48;

/// Checks the gateway, if there is one.
pub fn check(settings: &Settings) -> Vec<Finding> {
    let Some(gateway) = &settings.gateway else {
        return Vec::new();
    };
    let mut findings = rules(gateway, settings);
    findings.push(addr(&gateway.addr, settings));
    findings.push(proxies(&settings.trusted_proxies.networks));
    findings
}

fn rules(gateway: &Gateway, settings: &Settings) -> Vec<Finding> {
    let scopes = &settings.provider.registration.scopes;
    let risks = risky_rules::risks(&gateway.rules, &settings.public_url, scopes);
    let valid = Finding::ok(
        "rules",
        format!(
            "{} is valid: {}",
            gateway.rules_file.path.display(),
            risky_rules::size(&gateway.rules)
        ),
    );
    let risks = risks
        .into_iter()
        .map(|Risk { message, fix }| Finding::warning("rules", message, fix));
    std::iter::once(valid).chain(risks).collect()
}

/// Visitors who reach the gateway could claim that they asked for another app, though never who they are.
fn addr(addr: &ListenAddr, settings: &Settings) -> Finding {
    let addr = match addr {
        ListenAddr::Unix(path) => {
            let message = format!("the Unix socket {}: only this machine", path.display());
            return Finding::ok("gateway_addr", message);
        }
        ListenAddr::Tcp(addr) => addr,
    };
    if let Some(other) = overlapping(addr, settings) {
        return Finding::fault(
            "gateway_addr",
            format!(
                "{addr} and {other} are the same port of the same machine: one of them can't be bound"
            ),
            "choose another port",
        );
    }
    const FIX: &str = "listen at 127.0.0.1, at an address of a network of the proxies alone, or at a Unix socket; or see that \
                       a firewall or network policy lets only the proxies through";
    let reach = match addr.ip() {
        ip if ip.is_loopback() => {
            return Finding::ok("gateway_addr", format!("{addr}: only this machine"));
        }
        ip if ip.is_unspecified() => "every address of this machine",
        ip if is_private(ip) => {
            let message = format!(
                "{addr} is in a private network. This can't see who reaches it; visitors must not"
            );
            return Finding::ok("gateway_addr", message);
        }
        _ => "a public address",
    };
    let message = format!("{addr} is {reach}, and visitors must not reach the gateway");
    Finding::warning("gateway_addr", message, FIX)
}

/// The other listener of this process that has the same port, if one includes the other.
fn overlapping(addr: &SocketAddr, settings: &Settings) -> Option<String> {
    let listening = &settings.listening;
    let public = match &listening.addr {
        ListenAddr::Tcp(addr) => Some(*addr),
        ListenAddr::Unix(_) => None,
    };
    let others = [
        ("LISTEN_ADDR", public),
        ("METRICS_ADDR", listening.metrics_addr),
    ];
    let overlap = |other: &SocketAddr| {
        other.port() == addr.port()
            && (other.ip() == addr.ip()
                || other.ip().is_unspecified()
                || addr.ip().is_unspecified())
    };
    others
        .into_iter()
        .find_map(|(name, other)| Some(format!("{name} {}", other.filter(overlap)?)))
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

fn proxies(networks: &[IpNet]) -> Finding {
    let is_wide = |network: &&IpNet| {
        network.prefix_len()
            < match network {
                IpNet::V4(_) => WIDE_V4,
                IpNet::V6(_) => WIDE_V6,
            }
    };
    let wide: Vec<String> = networks
        .iter()
        .filter(is_wide)
        .map(ToString::to_string)
        .collect();
    match wide.is_empty() {
        true => Finding::ok(
            "proxies",
            "TRUSTED_PROXIES names single machines or small networks",
        ),
        false => Finding::warning(
            "proxies",
            format!(
                "TRUSTED_PROXIES has {}: every machine in there may ask the gateway, and may claim any client address",
                wide.join(", ")
            ),
            "name the proxies' own addresses",
        ),
    }
}
