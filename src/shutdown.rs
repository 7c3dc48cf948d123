//! Stopping so that nobody notices: first `/readyz` says that we go, so that whoever sends people here
//! sends them elsewhere; then nothing new is accepted, and what is under way is finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::rt::time::timeout;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether this process is about to stop. Clones share it.
#[derive(Clone, Default)]
pub struct Leaving(Arc<AtomicBool>);

impl Leaving {
    /// Whether somebody asked us to stop.
    pub fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns when nothing new shall be accepted: `delay` after a SIGTERM or SIGINT, at once if that
    /// comes again.
    pub async fn time_to_go(self, delay: Duration) {
        let listen = |kind| signal(kind).expect("signals can be listened for inside the runtime");
        let mut terminate = listen(SignalKind::terminate());
        let mut interrupt = listen(SignalKind::interrupt());
        either(&mut terminate, &mut interrupt).await;
        self.0.store(true, Ordering::Relaxed);
        log::info!(
            "asked to stop; not ready any more, accepting for {} s",
            delay.as_secs()
        );
        let _ = timeout(delay, either(&mut terminate, &mut interrupt)).await;
        log::info!("finishing what is under way");
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    std::future::poll_fn(|context| match one.poll_recv(context) {
        std::task::Poll::Pending => other.poll_recv(context),
        ready => ready,
    })
    .await;
}
