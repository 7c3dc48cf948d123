//! Stopping the process: whether it has started, and how many requests are in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Whether this process is stopping. Clones share the state.
#[derive(Clone, Default)]
pub struct Shutdown(Arc<State>);

#[derive(Default)]
struct State {
    is_draining: AtomicBool,
    is_closed: AtomicBool,
    closing: Notify,
    in_flight: AtomicUsize,
}

/// A request is in flight until this is dropped.
pub struct InFlight(Arc<State>);

impl Shutdown {
    /// Whether the process was asked to stop. It still accepts requests for a while.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }

    /// The process was asked to stop.
    pub fn start_draining(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
    }

    /// The process accepts no more requests.
    pub fn close(&self) {
        self.0.is_closed.store(true, Ordering::SeqCst);
        self.0.closing.notify_waiters();
    }

    /// Counts a request as in flight.
    pub fn begin_request(&self) -> InFlight {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.0.clone())
    }

    /// Whether the process accepts no more requests.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::SeqCst)
    }

    /// Returns as soon as the process accepts no more requests.
    pub async fn closed(&self) {
        let closing = self.0.closing.notified();
        if !self.is_closed() {
            closing.await;
        }
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
