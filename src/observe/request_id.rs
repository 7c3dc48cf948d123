//! The current request: its id and its client's address. Each log line and each audit event of the request has them, though
//! no function passes them on.

use std::cell::RefCell;
use std::fmt;
use std::net::IpAddr;

use crate::random;

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// What log lines and audit events say about the request that they belong to.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext {
    /// The request's id.
    pub id: RequestId,
    /// The client's address, if it is known.
    pub address: Option<IpAddr>,
}

impl RequestContext {
    /// The context of the current request. `None` outside of a request.
    pub fn current() -> Option<RequestContext> {
        CURRENT.try_get().ok()
    }

    /// Runs `future` with this as the current context.
    pub fn scope<T>(self, future: impl Future<Output = T>) -> impl Future<Output = T> {
        CURRENT.scope(self, future)
    }

    /// Runs `work` on this thread with `context` as the current one: a task on another thread does not inherit it.
    pub fn scope_sync<T>(context: Option<RequestContext>, work: impl FnOnce() -> T) -> T {
        match context {
            Some(context) => CURRENT.sync_scope(context, work),
            None => work(),
        }
    }
}

/// Random bytes for this thread's next ids, which are unique and no secrets: the generator costs as much for one id as for all
/// of them.
struct Drawn {
    ids: [[u8; 6]; 64],
    left: usize,
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn { ids: [[0; 6]; 64], left: 0 }) };
}

impl Drawn {
    fn next(&mut self) -> [u8; 6] {
        if self.left == 0 {
            let drawn = random::bytes::<{ 6 * 64 }>();
            for (id, bytes) in self.ids.iter_mut().zip(drawn.chunks_exact(6)) {
                id.copy_from_slice(bytes);
            }
            self.left = self.ids.len();
        }
        self.left -= 1;
        self.ids[self.left]
    }
}

/// The longest id that is accepted from a proxy, in bytes.
const ID_LIMIT: usize = 64;

/// The id of a request. It is in the log, in the response's `X-Request-Id`, and on the error page as the reference that a person
/// can read out. It consists of letters, digits, `.`, `_` and `-`. It is `Copy` and needs no allocation.
#[derive(Clone, Copy)]
pub struct RequestId {
    text: [u8; ID_LIMIT],
    len: u8,
}

impl RequestId {
    /// The id that a trusted proxy gave the request, in `X-Request-Id` or in `traceparent` (W3C Trace Context, the
    /// trace-id); else a new id. Anybody can send these headers, so they are ignored unless `is_trusted`.
    pub fn of<'a>(is_trusted: bool, header: impl Fn(&str) -> Option<&'a str>) -> RequestId {
        if !is_trusted {
            return RequestId::new();
        }
        let given = || RequestId::parse(header("x-request-id")?);
        let traced = || RequestId::parse(trace_id(header("traceparent")?)?);
        given().or_else(traced).unwrap_or_else(RequestId::new)
    }

    /// A new id: 12 hexadecimal digits, short enough to be read out over the telephone.
    pub fn new() -> RequestId {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; ID_LIMIT];
        for (digits, byte) in text
            .chunks_exact_mut(2)
            .zip(DRAWN.with_borrow_mut(Drawn::next))
        {
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 15)];
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

    /// The id as text.
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

/// `version-traceid-parentid-flags`: the second part. All zeros are invalid.
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
    fn a_trusted_proxy_sets_the_id() {
        let headers = [("x-request-id", "Edge_1.2-3"), ("traceparent", TRACEPARENT)];
        assert_eq!(id(true, &headers), "Edge_1.2-3");
        assert_eq!(id(true, &headers[1..]), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn an_untrusted_peer_does_not_set_it() {
        assert!(is_ours(&id(false, &[("x-request-id", "edge")])));
        assert!(is_ours(&id(false, &[("traceparent", TRACEPARENT)])));
    }

    #[test]
    fn an_invalid_id_is_replaced() {
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
    fn new_ids_differ() {
        let ids = (0..10_000).map(|_| RequestId::new().to_string());
        let ids: std::collections::BTreeSet<String> = ids.collect();
        assert_eq!(ids.len(), 10_000);
    }
}
