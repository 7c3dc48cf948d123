//! Stops without a failed request: first `/readyz` answers 503, so that load balancers send people elsewhere; then no
//! further request is accepted, and those under way are finished.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt;
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

/// Returns when no further request is accepted and none was under way for a while.
async fn all_done(shutdown: Shutdown) {
    let mut busy = Instant::now();
    while busy.elapsed() < QUIET {
        sleep(LOOK).await;
        if !shutdown.is_idle() {
            busy = Instant::now();
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

/// Ignores SIGHUP, which a closing terminal sends, and operators who want files to be read again.
///
/// # Errors
/// When the signal can't be listened for.
pub async fn outlive_hangups() -> io::Result<()> {
    let mut hangups = unix::signal(SignalKind::hangup())?;
    rt::spawn(async move {
        while hangups.recv().await.is_some() {
            log::info!(
                "SIGHUP: nothing to do; secrets and certificates are read again when their files change"
            );
        }
    });
    Ok(())
}

/// The server, which serves while it is awaited, until it is stopped.
pub struct Running {
    server: Server,
    all_done: Pin<Box<dyn Future<Output = ()>>>,
}

impl Running {
    /// Watches over `server`.
    pub fn new(server: Server, shutdown: Shutdown) -> Self {
        Running {
            server,
            all_done: Box::pin(all_done(shutdown)),
        }
    }

    /// To stop it otherwise than by a signal.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }
}

impl Future for Running {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.server).poll(context) {
            Poll::Pending => self.all_done.as_mut().poll(context).map(Ok),
            ended => ended,
        }
    }
}
