//! Stopping so that nobody notices: first `/readyz` says that we go, so that whoever sends people here
//! sends them elsewhere; then nothing new is accepted, and what is under way is finished.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt;
use actix_web::rt::time::{sleep, timeout};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// When nothing was under way for so long, nothing will be: a request has less time to arrive. What
/// is still connected then says nothing, and is not waited for.
const QUIET: Duration = Duration::from_secs(6);

/// How often we look whether it is quiet.
const LOOK: Duration = Duration::from_millis(100);

/// Whether this process is about to stop. Clones share it.
#[derive(Clone, Default)]
pub struct Leaving(Arc<State>);

#[derive(Default)]
struct State {
    is_asked: AtomicBool,
    is_closed: AtomicBool,
    under_way: AtomicUsize,
}

/// A request, until this is dropped.
pub struct UnderWay(Arc<State>);

impl Leaving {
    /// Whether somebody asked us to stop.
    pub fn is_so(&self) -> bool {
        self.0.is_asked.load(Ordering::Relaxed)
    }

    /// Counts a request.
    pub fn begin_request(&self) -> UnderWay {
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.0.clone())
    }

    /// Returns when nothing new shall be accepted: `delay` after a SIGTERM or SIGINT, at once if that
    /// comes again.
    pub async fn time_to_go(self, delay: Duration) {
        let listen = |kind| signal(kind).expect("signals can be listened for inside the runtime");
        let mut terminate = listen(SignalKind::terminate());
        let mut interrupt = listen(SignalKind::interrupt());
        either(&mut terminate, &mut interrupt).await;
        self.0.is_asked.store(true, Ordering::Relaxed);
        let delay_secs = delay.as_secs();
        log::info!("asked to stop; not ready any more, accepting for {delay_secs} s");
        let _ = timeout(delay, either(&mut terminate, &mut interrupt)).await;
        self.0.is_closed.store(true, Ordering::Relaxed);
        log::info!("finishing what is under way");
    }

    /// Returns when nothing new is accepted and nothing was under way for a while.
    async fn all_done(self) {
        let mut busy = Instant::now();
        while busy.elapsed() < QUIET {
            sleep(LOOK).await;
            let is_closed = self.0.is_closed.load(Ordering::Relaxed);
            if !is_closed || self.0.under_way.load(Ordering::Relaxed) > 0 {
                busy = Instant::now();
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    poll_fn(|context| match one.poll_recv(context) {
        Poll::Pending => other.poll_recv(context),
        ready => ready,
    })
    .await;
}

/// Makes SIGHUP end nothing: a terminal that closes sends it, and whoever wants files to be read again.
///
/// # Errors
/// When the signal can't be listened for.
pub async fn outlive_hangups() -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
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
    pub fn new(server: Server, leaving: Leaving) -> Self {
        Running {
            server,
            all_done: Box::pin(leaving.all_done()),
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
