//! How many sign-ins one address may start and finish in a minute (`RATE_LIMIT`).

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::accounts::reason::Reason;
use crate::http::error::Error;
use crate::http::route::{Rate, Route};
use crate::observe::metrics;
use crate::settings::TrustedProxies;

/// How many addresses are remembered at most. They take some 10 MB.
const MAX_ADDRESSES: usize = 100_000;

/// Refuses a request for a rate-limited route from an address that has used up its allowance. It runs before the session
/// is loaded, so that a refused request costs no query.
pub fn check(
    rate_limit: &RateLimit,
    route: Option<&Route>,
    address: Option<IpAddr>,
) -> Result<(), Error> {
    let is_limited = route.is_some_and(|route| route.rate == Rate::Limited);
    let wait_secs = is_limited.then(|| rate_limit.check(address)).flatten();
    let Some(retry_after_secs) = wait_secs else {
        return Ok(());
    };
    metrics::sign_in_failed(Reason::RateLimited.name());
    Err(Error::TooManyRequests { retry_after_secs })
}

/// The limit, and how much of it each address has used.
pub struct RateLimit {
    quota: Option<Quota>,
    proxies: TrustedProxies,
    limiter: ArcSwap<DefaultKeyedRateLimiter<Option<IpAddr>>>,
    checks: AtomicUsize,
}

impl RateLimit {
    /// Allows each address `per_minute` requests a minute, in one burst or spread out. 0 sets no limit.
    pub fn new(per_minute: u32, proxies: TrustedProxies) -> Self {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        let unused = Quota::per_minute(NonZeroU32::MIN);
        RateLimit {
            quota,
            proxies,
            limiter: ArcSwap::from_pointee(RateLimiter::keyed(quota.unwrap_or(unused))),
            checks: AtomicUsize::new(0),
        }
    }

    /// Counts a request from `ip` that was refused, although its route has no limit.
    ///
    /// # Errors
    /// There were too many.
    pub fn count_refused(&self, ip: Option<IpAddr>) -> Result<(), Error> {
        match self.check(ip) {
            Some(retry_after_secs) => Err(Error::TooManyRequests { retry_after_secs }),
            None => Ok(()),
        }
    }

    /// Counts a request from `ip`. Returns for how many seconds it must wait, if its allowance is used up. All requests of
    /// unknown address share one allowance. The address of a trusted proxy stands for many people, so it has no limit.
    fn check(&self, ip: Option<IpAddr>) -> Option<u64> {
        let quota = self.quota?;
        if ip.is_some_and(|ip| self.proxies.contains(ip)) {
            return None;
        }
        self.forget_full_allowances(quota, MAX_ADDRESSES);
        let refused = self.limiter.load().check_key(&ip.map(network)).err()?;
        let wait = refused.wait_time_from(DefaultClock::default().now());
        Some(wait.as_secs() + 1)
    }

    /// Once in `max_addresses / 2` checks, forgets the addresses that have their full allowance again. If too many are left,
    /// forgets all: a limit for each address does not stop a client with that many, and it must not use up our memory.
    fn forget_full_allowances(&self, quota: Quota, max_addresses: usize) {
        let checks = self.checks.fetch_add(1, Ordering::Relaxed) + 1;
        if !checks.is_multiple_of(max_addresses / 2) {
            return;
        }
        let limiter = self.limiter.load();
        limiter.retain_recent();
        match limiter.len() > max_addresses / 2 {
            true => self.limiter.store(RateLimiter::keyed(quota).into()),
            false => limiter.shrink_to_fit(),
        }
    }
}

/// The addresses that one customer of a network provider has: one of IPv4, or a /64 of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_limit(per_minute: u32) -> RateLimit {
        let proxies = TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            ..TrustedProxies::default()
        };
        RateLimit::new(per_minute, proxies)
    }

    fn refused(rate_limit: &RateLimit, ip: &str) -> bool {
        rate_limit.check(Some(ip.parse().unwrap())).is_some()
    }

    #[test]
    fn an_address_that_used_its_allowance_waits_and_no_other_does() {
        let limit = rate_limit(3);
        for _ in 0..3 {
            assert!(!refused(&limit, "198.51.100.7"));
        }
        let wait_secs = limit.check(Some("198.51.100.7".parse().unwrap()));
        assert!(matches!(wait_secs, Some(1..=20)), "{wait_secs:?}");
        assert!(!refused(&limit, "198.51.100.8"));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_share_an_allowance() {
        let limit = rate_limit(1);
        assert!(!refused(&limit, "2001:db8:0:1::1"));
        assert!(refused(&limit, "2001:db8:0:1:ffff::2"));
        assert!(!refused(&limit, "2001:db8:0:2::1"));
    }

    #[test]
    fn zero_is_no_limit_and_proxies_have_none() {
        let (none, one) = (rate_limit(0), rate_limit(1));
        for _ in 0..10 {
            assert!(!refused(&none, "198.51.100.7"));
            assert!(!refused(&one, "10.0.0.1"));
        }
    }

    #[test]
    fn requests_of_unknown_address_share_an_allowance() {
        let limit = rate_limit(2);
        assert_eq!([None, None].map(|ip| limit.check(ip)), [None, None]);
        assert!(limit.check(None).is_some());
        assert!(!refused(&limit, "198.51.100.7"));
    }

    #[test]
    fn the_number_of_remembered_addresses_is_bounded() {
        let limit = rate_limit(1);
        let quota = limit.quota.unwrap();
        for ip in 0..10_000_u32 {
            limit.forget_full_allowances(quota, 100);
            let ip = IpAddr::from(ip.to_be_bytes());
            let _ = limit.limiter.load().check_key(&Some(ip));
            assert!(limit.limiter.load().len() <= 100);
        }
    }
}
