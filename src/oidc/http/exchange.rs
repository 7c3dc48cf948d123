//! One request and its response: what happened to the connection that carried them. The HTTP client does not report that,
//! so the connection records it here.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::task::Poll;

use tokio::time::Instant;

tokio::task_local! {
    /// The exchange of the task that is reading or writing.
    static EXCHANGE: Rc<Exchange>;
}

/// What happened to the connection of one request.
#[derive(Default)]
pub struct Exchange {
    /// Whether it must not use a connection that was used before.
    is_fresh: bool,
    /// When it no longer had to wait for the others: it may make a connection, or use one that is idle.
    turn: Cell<Option<Instant>>,
    connection: Cell<Option<u64>>,
    was_used: Cell<bool>,
    has_response: Cell<bool>,
    closed: Cell<Option<Closed>>,
}

/// When the provider closed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Before the first byte of a response.
    BeforeResponse,
    /// After it, and before the end of the response.
    InResponse,
}

impl Exchange {
    /// One that takes no connection that was used before.
    pub fn on_a_fresh_connection() -> Self {
        Exchange {
            is_fresh: true,
            ..Exchange::default()
        }
    }

    /// Runs `call`, which makes one request; with its result, what happened to the connection.
    pub async fn run<T>(self, call: impl Future<Output = T>) -> (T, Rc<Exchange>) {
        let exchange = Rc::new(self);
        let result = EXCHANGE.scope(Rc::clone(&exchange), call).await;
        (result, exchange)
    }

    /// Whether the client let it wait until after `at`, since all its connections were in use.
    pub fn waited_longer_than(&self, at: Instant) -> bool {
        self.turn.get().is_none_or(|turn| turn > at)
    }

    fn has_its_turn(&self) {
        let turn = self.turn.get().unwrap_or_else(Instant::now);
        self.turn.set(Some(turn));
    }

    /// Whether and when the connection was closed.
    pub fn closed(&self) -> Option<Closed> {
        self.closed.get()
    }

    /// Whether the connection had been used before and ended before any response: the provider had closed it as idle,
    /// and has most probably seen nothing of the request (RFC 9112, 9.3.1).
    pub fn met_a_stale_connection(&self) -> bool {
        self.was_used.get() && self.closed.get() == Some(Closed::BeforeResponse)
    }
}

/// The client makes a connection for the exchange.
pub fn connects() {
    let _ = EXCHANGE.try_with(|exchange| exchange.has_its_turn());
}

/// The first bytes of a request go out on the connection `id`, which `was_used` before or not. Says whether it is new to
/// the exchange.
pub fn uses(id: u64, was_used: bool) -> bool {
    let is_new = EXCHANGE.try_with(|exchange| {
        let is_new = exchange.connection.replace(Some(id)) != Some(id);
        if is_new {
            exchange.was_used.set(was_used);
        }
        is_new
    });
    is_new.unwrap_or(false)
}

/// The client looks whether it can use the connection `id` again, before it writes a request to it. Says whether the
/// exchange allows that; nothing if the connection is already its own.
pub fn may_reuse(id: u64) -> Option<bool> {
    let may_reuse = EXCHANGE.try_with(|exchange| {
        exchange.has_its_turn();
        let is_ours = exchange.connection.get() == Some(id);
        (!is_ours).then_some(!exchange.is_fresh)
    });
    may_reuse.unwrap_or_default()
}

/// The first bytes of a response have come.
pub fn has_response() {
    let _ = EXCHANGE.try_with(|exchange| exchange.has_response.set(true));
}

/// Notes when the connection was closed, if that is what `result` says.
pub fn note_closed<T>(result: &Poll<io::Result<T>>) {
    let Poll::Ready(Err(cause)) = result else {
        return;
    };
    let is_closed = matches!(
        cause.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
    );
    if is_closed {
        let _ = EXCHANGE.try_with(|exchange| {
            exchange.closed.set(Some(match exchange.has_response.get() {
                true => Closed::InResponse,
                false => Closed::BeforeResponse,
            }));
        });
    }
}
