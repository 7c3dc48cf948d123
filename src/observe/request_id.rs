//! The request that is being handled: its id and who sent it. They stand on every log line and in
//! every audit event that comes of it, without being passed from hand to hand.

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;

use crate::random;

tokio::task_local! {
    static TRACE: Trace;
}

/// What is known of a request before anybody looks into it.
#[derive(Clone, Copy, Debug)]
pub struct Trace {
    /// The request's name.
    pub id: RequestId,
    /// The client's address.
    pub address: Option<IpAddr>,
}

impl Trace {
    /// That of the request which is being handled here; nothing outside of any.
    pub fn current() -> Option<Trace> {
        TRACE.try_get().ok()
    }

    /// Makes this the current one for as long as `work` goes on.
    pub async fn around<T>(self, work: impl Future<Output = T>) -> T {
        TRACE.scope(self, work).await
    }

    /// Does `work` on this thread as a part of the request whose trace it is, or of none.
    pub fn carry<T>(trace: Option<Trace>, work: impl FnOnce() -> T) -> T {
        match trace {
            Some(trace) => TRACE.sync_scope(trace, work),
            None => work(),
        }
    }
}

/// The longest id that is taken over from outside.
const ID_LIMIT: usize = 64;

/// A request's name: in the log, in the answer's `X-Request-Id`, and on the error page as the
/// reference that a person can read out. Letters, digits, `.`, `_` and `-`; kept without a heap.
#[derive(Clone, Copy)]
pub struct RequestId {
    text: [u8; ID_LIMIT],
    len: u8,
}

impl RequestId {
    /// The name that a trusted proxy gave the request, in `X-Request-Id` or in `traceparent`
    /// (W3C Trace Context, the trace-id); else a new one. Anybody can send the headers, so they
    /// count for nothing unless they are `trusted`.
    pub fn of<'a>(trusted: bool, header: impl Fn(&str) -> Option<&'a str>) -> RequestId {
        if !trusted {
            return RequestId::new();
        }
        let given = || RequestId::parse(header("x-request-id")?);
        let traced = || RequestId::parse(trace_id(header("traceparent")?)?);
        given().or_else(traced).unwrap_or_else(RequestId::new)
    }

    /// A new name: 12 hexadecimal digits, which can be read out over the telephone.
    pub fn new() -> RequestId {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let number = number();
        let mut text = [0; ID_LIMIT];
        for (place, digit) in text.iter_mut().take(12).enumerate() {
            *digit = DIGITS[(number >> (4 * place)) as usize & 15];
        }
        RequestId { text, len: 12 }
    }

    fn parse(given: &str) -> Option<RequestId> {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let fits = (1..=ID_LIMIT).contains(&given.len()) && given.bytes().all(is_plain);
        let mut text = [0; ID_LIMIT];
        text.get_mut(..given.len())?
            .copy_from_slice(given.as_bytes());
        let len = u8::try_from(given.len()).ok()?;
        fits.then_some(RequestId { text, len })
    }

    /// Itself as text.
    pub fn as_str(&self) -> &str {
        let text = &self.text[..usize::from(self.len)];
        std::str::from_utf8(text).expect("only ASCII gets in")
    }
}

impl Default for RequestId {
    fn default() -> Self {
        RequestId::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `version-traceid-parentid-flags`: the second part, unless it is all zeros, which is invalid.
fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace_id) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str| {
        let mut bytes = text.bytes();
        bytes.all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
    };
    let is_valid = version.len() == 2
        && is_hex(version)
        && trace_id.len() == 32
        && is_hex(trace_id)
        && trace_id.bytes().any(|byte| byte != b'0');
    is_valid.then_some(trace_id)
}

/// A number for a name, at the cost of a few instructions: each request needs one, and nothing
/// depends on its being secret. SplitMix64 (Steele, Lea and Flood, 2014), begun at random by each
/// thread.
fn number() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(u64::from_ne_bytes(random::bytes()));
    }
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn id(trusted: bool, headers: &[(&str, &'static str)]) -> String {
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        RequestId::of(trusted, header).to_string()
    }

    fn is_ours(id: &str) -> bool {
        id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    #[test]
    fn a_trusted_proxy_names_the_request() {
        let headers = [("x-request-id", "Edge_1.2-3"), ("traceparent", TRACEPARENT)];
        assert_eq!(id(true, &headers), "Edge_1.2-3");
        assert_eq!(id(true, &headers[1..]), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn nobody_else_does() {
        assert!(is_ours(&id(false, &[("x-request-id", "edge")])));
        assert!(is_ours(&id(false, &[("traceparent", TRACEPARENT)])));
    }

    #[test]
    fn a_name_that_is_none_is_replaced() {
        const LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        for hostile in ["", " ", "a b", "a\"b", "<script>", "é", LONG] {
            assert!(
                is_ours(&id(true, &[("x-request-id", hostile)])),
                "{hostile}"
            );
        }
        for hostile in [
            "",
            "00",
            "00-",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
            "zz-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(is_ours(&id(true, &[("traceparent", hostile)])), "{hostile}");
        }
        assert_eq!(id(true, &[("x-request-id", &LONG[1..])]), LONG[1..]);
    }

    #[test]
    fn new_names_differ() {
        let names = (0..10_000).map(|_| RequestId::new().to_string());
        let names: std::collections::BTreeSet<String> = names.collect();
        assert_eq!(names.len(), 10_000);
    }
}
