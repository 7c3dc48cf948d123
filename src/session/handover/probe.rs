//! What `doorward check --through` asks the gateway, past the proxy that it checks: a sealed parameter in the query. Nobody
//! who lacks `SESSION_KEY` can make one, or read the answer.
//!
//! The answer is in the address of the redirect to the sign-in: that passes through each kind of proxy.

use std::net::IpAddr;

use secrecy::SecretSlice;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{HandoverRequest, RefusedVisit, open, seal};
use crate::clock::Clock;
use crate::session::Sessions;
use crate::session::key_ring::KeyRing;

/// The name of a probe in an app's query.
pub const PROBE: &str = "_doorward_check";

/// The longest answer that a probe can ask for, in bytes.
const LENGTH_LIMIT: usize = 8192;

/// How long a probe counts.
const LIFETIME: time::Duration = time::Duration::MINUTE;

/// What a probe asks for.
#[derive(Serialize, Deserialize)]
struct Probe {
    /// How long the redirect's address is to be, in bytes.
    #[serde(rename = "n")]
    length: usize,
    #[serde(rename = "a", with = "time::serde::timestamp")]
    made_at: OffsetDateTime,
}

/// What the gateway was told besides the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The client's address.
    #[serde(rename = "c")]
    pub client: Option<IpAddr>,
}

impl Sessions {
    /// What to add to the redirect's address, which has `length` bytes so far, in response to a probe; nothing if it is none
    /// of ours.
    pub fn answer_probe(
        &self,
        sealed: &str,
        client: Option<IpAddr>,
        length: usize,
    ) -> Option<String> {
        let probe: Probe = open(&self.keys, "probe", sealed)?;
        if !self.is_recent(probe.made_at, LIFETIME) {
            return None;
        }
        let seen = seal(&self.keys, "seen", &Seen { client });
        let mut answer = format!("&seen={seen}");
        let wanted = probe.length.min(LENGTH_LIMIT);
        if let Some(missing) = wanted.checked_sub(length + answer.len() + "&fill=".len()) {
            answer.push_str("&fill=");
            answer.push_str(&"x".repeat(missing));
        }
        Some(answer)
    }
}

/// The side of the command.
pub struct Prober {
    keys: KeyRing,
    clock: Clock,
}

impl Prober {
    /// With the keys of the settings.
    pub fn new(current: &SecretSlice<u8>, previous: Option<&SecretSlice<u8>>) -> Prober {
        let clock = Clock::default();
        Prober {
            keys: KeyRing::new(current, previous, clock.clone()),
            clock,
        }
    }

    /// A probe that asks for an address of this length, in bytes, if that is longer than it would be.
    pub fn probe(&self, length: usize) -> String {
        let made_at = self.clock.now();
        seal(&self.keys, "probe", &Probe { length, made_at })
    }

    /// What the gateway was told besides the address.
    pub fn seen(&self, sealed: &str) -> Option<Seen> {
        open(&self.keys, "seen", sealed)
    }

    /// The address that the gateway was told.
    pub fn handover_request(&self, sealed: &str) -> Option<HandoverRequest> {
        open(&self.keys, "request", sealed)
    }

    /// The visit that the gateway refused.
    pub fn refused_visit(&self, sealed: &str) -> Option<RefusedVisit> {
        open(&self.keys, "refused", sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::{sessions, settings};

    fn prober(key: Option<Vec<u8>>) -> Prober {
        let own = settings("https://app.example").sessions.key.unwrap();
        Prober::new(&key.map_or(own, SecretSlice::from), None)
    }

    #[test]
    fn a_probe_is_answered_for_a_minute_and_to_who_has_the_key() {
        let (sessions, clock) = sessions();
        let (ours, theirs) = (prober(None), prober(Some(vec![7; 64])));
        let client = Some("192.0.2.7".parse().unwrap());
        let probe = ours.probe(0);
        let answer = sessions.answer_probe(&probe, client, 300).unwrap();
        let seen = answer.strip_prefix("&seen=").unwrap();
        assert_eq!(ours.seen(seen), Some(Seen { client }));
        assert_eq!(theirs.seen(seen), None);
        for forged in [
            theirs.probe(0),
            String::new(),
            "x".to_owned(),
            seen.to_owned(),
        ] {
            assert_eq!(sessions.answer_probe(&forged, client, 300), None);
        }
        clock.shift(time::Duration::seconds(61));
        assert_eq!(sessions.answer_probe(&probe, client, 300), None);
    }

    #[test]
    fn the_answer_is_as_long_as_asked_for_within_a_limit() {
        let (sessions, _) = sessions();
        for (wanted, expected) in [(6000, 6000), (8192, 8192), (9000, 8192), (usize::MAX, 8192)] {
            let answer = sessions.answer_probe(&prober(None).probe(wanted), None, 300);
            assert_eq!(300 + answer.unwrap().len(), expected);
        }
    }
}
