//! Looks up the addresses of a host. The system's resolver blocks, so this process has threads for it.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::OnceLock;

use crate::threads::Threads;

/// How many lookups run at once.
pub const THREADS: usize = 4;

static RESOLVER: OnceLock<Threads> = OnceLock::new();

/// Starts the threads, unless they run.
///
/// # Errors
/// The system allows no more threads.
pub fn start() -> io::Result<&'static Threads> {
    if let Some(threads) = RESOLVER.get() {
        return Ok(threads);
    }
    let threads = Threads::start("resolver", THREADS)?;
    Ok(RESOLVER.get_or_init(|| threads))
}

/// The addresses of `host`, which may be an address itself.
pub async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let host = host.to_owned();
    let look_up = move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter);
    let found = start()?.spawn(look_up).await;
    found.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
}
