//! Signals that would end the process although nobody means to end it.

use std::io;
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::time::sleep;
use nix::libc;
use tokio::signal::unix::{self, SignalKind};

/// The pause after a log line: a full disk may send a signal for each write.
const PAUSE: Duration = Duration::from_secs(60);

const NO_ACTION: &str = "nothing to do";

/// The signals, and what is logged.
const IGNORED: [(SignalKind, &str, &str); 8] = [
    (
        SignalKind::hangup(),
        "SIGHUP",
        "nothing to do; secrets, certificates and rules are read again when their files change",
    ),
    (SignalKind::user_defined1(), "SIGUSR1", NO_ACTION),
    (SignalKind::user_defined2(), "SIGUSR2", NO_ACTION),
    (SignalKind::alarm(), "SIGALRM", NO_ACTION),
    (SignalKind::io(), "SIGIO", NO_ACTION),
    (
        SignalKind::from_raw(libc::SIGVTALRM),
        "SIGVTALRM",
        NO_ACTION,
    ),
    (SignalKind::from_raw(libc::SIGPROF), "SIGPROF", NO_ACTION),
    (
        SignalKind::from_raw(libc::SIGXFSZ),
        "SIGXFSZ",
        "a file may not grow any more, and writing to it fails as on a full disk: raise LimitFSIZE or `ulimit -f`",
    ),
];

/// Logs these signals, each once a minute at most, and goes on.
///
/// # Errors
/// When a signal can't be listened for.
pub async fn ignore() -> io::Result<()> {
    for (kind, name, advice) in IGNORED {
        let mut signals = unix::signal(kind)?;
        rt::spawn(async move {
            while signals.recv().await.is_some() {
                log::info!("{name}: {advice}");
                sleep(PAUSE).await;
            }
        });
    }
    Ok(())
}
