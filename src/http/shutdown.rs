//! What the requests and the process tell each other about stopping: whether it has begun, and how many are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Whether this process is about to stop. Clones share it.
#[derive(Clone, Default)]
pub struct Shutdown(Arc<State>);

#[derive(Default)]
struct State {
    is_draining: AtomicBool,
    is_closed: AtomicBool,
    under_way: AtomicUsize,
}

/// A request that is under way until this is dropped.
pub struct UnderWay(Arc<State>);

impl Shutdown {
    /// Whether somebody asked the process to stop. Requests are still accepted for a while.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }

    /// Somebody asked the process to stop.
    pub fn start_draining(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
    }

    /// No further request is accepted.
    pub fn close(&self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
    }

    /// Counts a request.
    pub fn begin_request(&self) -> UnderWay {
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.0.clone())
    }

    /// Whether no request is under way and none is accepted.
    pub fn is_idle(&self) -> bool {
        self.0.is_closed.load(Ordering::Relaxed) && self.0.under_way.load(Ordering::Relaxed) == 0
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
