//! Stops without a failed request: first `/readyz` answers 503, so that load balancers send people elsewhere; then no
//! further request is accepted, and those under way are finished.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt::time::{sleep, timeout};
use tokio::signal::unix::{self, Signal, SignalKind};

use crate::http::shutdown::Shutdown;

/// A connection without a request for so long is not waited for: a request has less time to arrive.
const QUIET: Duration = Duration::from_secs(6);

/// How often that is checked.
const LOOK: Duration = Duration::from_millis(100);

/// Returns when no further request may be accepted: `delay` after a SIGTERM or SIGINT, at once if a second one comes.
pub async fn signal(shutdown: Shutdown, delay: Duration) {
    let listen = |kind| unix::signal(kind).expect("signals can be listened for inside the runtime");
    let mut terminate = listen(SignalKind::terminate());
    let mut interrupt = listen(SignalKind::interrupt());
    let name = either(&mut terminate, &mut interrupt).await;
    shutdown.start_draining();
    let delay_secs = delay.as_secs();
    log::info!("{name}: /readyz now answers 503; accepting requests for {delay_secs} s more");
    let _ = timeout(delay, either(&mut terminate, &mut interrupt)).await;
    shutdown.close();
    log::info!("no more requests are accepted; finishing those under way");
}

/// Returns when no further request is accepted and none was in progress for a while, or after `limit`.
async fn all_done(shutdown: Shutdown, limit: Duration) {
    shutdown.closed().await;
    let closed = Instant::now();
    let mut busy = closed;
    while busy.elapsed() < QUIET {
        let left = limit.saturating_sub(closed.elapsed());
        sleep(LOOK.min(left)).await;
        match shutdown.in_flight() {
            0 if left.is_zero() => return,
            0 => (),
            count if left.is_zero() => {
                let secs = limit.as_secs();
                log::warn!("requests that were cut off after {secs} s (SHUTDOWN_TIMEOUT): {count}");
                return;
            }
            _ => busy = Instant::now(),
        }
    }
}

/// Waits for one of the two; its name.
async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    poll_fn(|context| match terminate.poll_recv(context) {
        Poll::Pending => interrupt.poll_recv(context).map(|_| "SIGINT"),
        Poll::Ready(_) => Poll::Ready("SIGTERM"),
    })
    .await
}

/// Tells `server` to stop as soon as no further request may be accepted.
pub async fn stop_when_closed(server: ServerHandle, shutdown: Shutdown) {
    shutdown.closed().await;
    server.stop(true).await;
}

/// The server, which serves while it is awaited, until it is stopped.
pub struct Running {
    server: Server,
    has_ended: bool,
    shutdown: Shutdown,
    all_done: Pin<Box<dyn Future<Output = ()>>>,
}

impl Running {
    /// Watches over `server`. When it is asked to stop, requests in progress have `limit` to finish.
    pub fn new(server: Server, shutdown: Shutdown, limit: Duration) -> Self {
        Running {
            server,
            has_ended: false,
            shutdown: shutdown.clone(),
            all_done: Box::pin(all_done(shutdown, limit)),
        }
    }

    /// To stop it otherwise than by a signal.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Whether requests are still in progress, which another server of this process accepted: one for a Unix socket that
    /// was bound again.
    fn is_needed(&self) -> bool {
        self.shutdown.is_closed() && self.shutdown.in_flight() > 0
    }
}

impl Future for Running {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.has_ended
            && let Poll::Ready(ended) = Pin::new(&mut self.server).poll(context)
        {
            ended?;
            self.has_ended = true;
        }
        // It looks every now and then, and so does this.
        let all_done = self.all_done.as_mut().poll(context);
        match self.has_ended && !self.is_needed() {
            true => Poll::Ready(Ok(())),
            false => all_done.map(Ok),
        }
    }
}
