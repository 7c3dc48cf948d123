//! Limits how many events that strangers can cause are kept. Any client can make a sign-in fail, but none may fill the
//! database or displace other people's failures.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many events each process keeps in a minute, for all networks together.
const PER_MINUTE: u32 = 60;

/// How many it keeps for one network, so that one alone can't use up the total.
const PER_NETWORK: u32 = 10;

/// What was kept in a minute, and what was not.
#[derive(Default)]
pub struct Allowance {
    minute: i64,
    kept: u32,
    /// Grows only with what is kept.
    by_network: HashMap<Option<IpAddr>, u32>,
    dropped: u32,
}

impl Allowance {
    /// Whether another failure may be kept, of a client at `address`.
    pub fn take(&mut self, minute: i64, address: Option<IpAddr>) -> bool {
        if self.minute != minute {
            *self = Allowance {
                minute,
                dropped: self.dropped,
                ..Allowance::default()
            };
        }
        let network = address.map(network);
        let of_network = self.by_network.get(&network).copied().unwrap_or_default();
        let is_kept = self.kept < PER_MINUTE && of_network < PER_NETWORK;
        match is_kept {
            true => {
                self.kept += 1;
                self.by_network.insert(network, of_network + 1);
            }
            false => self.dropped = self.dropped.saturating_add(1),
        }
        is_kept
    }

    /// How many were not kept before `minute`. Each is counted in one result only.
    pub fn take_dropped(&mut self, minute: i64) -> Option<u32> {
        if self.minute == minute || self.dropped == 0 {
            return None;
        }
        Some(std::mem::take(&mut self.dropped))
    }
}

/// The largest network that one client usually has: 24 bits of an IPv4 address, 48 of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() >> 8 << 8).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 80 << 80).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(allowance: &mut Allowance, minute: i64, address: &str) -> u32 {
        let address = address.parse().ok();
        let taken = (0..100).filter(|_| allowance.take(minute, address));
        u32::try_from(taken.count()).unwrap()
    }

    #[test]
    fn each_network_has_a_share_within_the_sum() {
        let mut allowance = Allowance::default();
        for (address, expected) in [
            ("198.51.100.7", 10),
            ("198.51.100.200", 0),
            ("2001:db8:1::1", 10),
            ("2001:db8:1:ffff::1", 0),
            ("unknown", 10),
            ("unknown", 0),
            ("198.51.101.7", 10),
            ("2001:db8:2::1", 10),
            ("203.0.113.1", 10),
            ("192.0.2.1", 0),
        ] {
            assert_eq!(kept(&mut allowance, 7, address), expected, "{address}");
        }
        assert_eq!(kept(&mut allowance, 8, "192.0.2.1"), 10);
    }

    #[test]
    fn what_was_dropped_is_told_once_when_its_minute_is_over() {
        let mut allowance = Allowance::default();
        kept(&mut allowance, 7, "198.51.100.7");
        assert_eq!(allowance.take_dropped(7), None);
        assert_eq!(allowance.take_dropped(8), Some(90));
        assert_eq!(allowance.take_dropped(8), None);
        kept(&mut allowance, 9, "198.51.100.7");
        assert!(allowance.take(10, None));
        assert_eq!(allowance.take_dropped(11), Some(90));
    }
}
