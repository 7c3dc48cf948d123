//! Threads that may block. They are started once and kept: where the system allows no more of them, the process says so at
//! start, and no request fails for it. The runtime's own blocking threads end when they are idle, and it panics where it
//! can't start one again.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam_channel::Sender;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Some threads, and the work that waits for one of them. Clones share them; the last one ends them.
#[derive(Clone)]
pub struct Threads {
    jobs: Sender<Job>,
}

impl Threads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system allows no more threads; the error says what to do.
    pub fn start(name: &str, count: usize) -> io::Result<Self> {
        let (jobs, queue) = crossbeam_channel::unbounded::<Job>();
        for _ in 0..count {
            let queue = queue.clone();
            let work = move || queue.into_iter().for_each(|job| job());
            let thread = thread::Builder::new().name(name.to_owned());
            thread.spawn(work).map_err(explained)?;
        }
        Ok(Threads { jobs })
    }

    /// Runs `work` as soon as a thread is free, whether or not somebody waits for the result. No result comes if it
    /// panicked.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        let job = move || {
            // A panic is logged by the hook, and takes no thread away.
            let work = std::panic::AssertUnwindSafe(work);
            if let Ok(result) = std::panic::catch_unwind(work) {
                let _ = done.send(result);
            }
        };
        // The threads are there as long as this is.
        let _ = self.jobs.send(Box::new(job));
        result
    }
}

/// Whether `count` more threads can run at once: starts them and ends them. For threads that others start and that panic
/// where they can't.
///
/// # Errors
/// They can't; the error says what to do.
pub fn try_out(count: usize) -> io::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let mut threads = Vec::with_capacity(count);
    for _ in 0..count {
        let gate = Arc::clone(&gate);
        let thread = thread::Builder::new().spawn(move || drop(gate.lock()));
        threads.push(thread.map_err(explained)?);
    }
    drop(closed);
    for thread in threads {
        thread.join().expect("it only waited");
    }
    Ok(())
}

/// What the system says when a thread can't be started, and what to do.
pub fn explained(cause: io::Error) -> io::Error {
    let text = format!(
        "no more threads can be started ({cause}): raise TasksMax (systemd), the limit of processes of the container, \
         or `ulimit -u`"
    );
    io::Error::new(cause.kind(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_runs_on_its_own_threads_and_a_panic_takes_none_away() {
        let threads = Threads::start("test", 1).unwrap();
        let name = || thread::current().name().map(str::to_owned);
        assert_eq!(threads.spawn(name).await.unwrap().as_deref(), Some("test"));
        let panicking = threads.spawn(|| panic!("of the test"));
        assert!(panicking.await.is_err());
        assert_eq!(threads.spawn(|| 7).await, Ok(7));
    }

    #[test]
    fn threads_that_are_tried_out_have_ended_again() {
        try_out(20).unwrap();
    }
}
