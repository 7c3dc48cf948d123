//! The log lines that wait for the thread that writes them. Whoever logs a line does not wait for the reader of standard
//! error, so a reader that stops reading blocks nobody.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::observe::metrics;

/// How many bytes wait at most: some ten thousand lines. As many can be with the writing thread.
const MAX_BYTES: usize = 1024 * 1024;

/// The pause before the next attempt if standard error is non-blocking, which another process may have made it, and full.
const RETRY_AFTER: Duration = Duration::from_millis(10);

/// How long lines gather after others were written: waking the thread for each line costs more than writing it.
const GATHER: Duration = Duration::from_millis(5);

/// The queue of this process.
pub static QUEUE: Queue = Queue::new();

/// Lines that wait to be written.
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: Vec<u8>,
    lines: u64,
    is_writing: bool,
    /// Whether the thread that writes waits to be woken.
    is_asleep: bool,
    /// Lines that were not written, and that no line has reported yet.
    dropped: u64,
}

impl Queue {
    const fn new() -> Queue {
        Queue {
            state: Mutex::new(State {
                waiting: Vec::new(),
                lines: 0,
                is_writing: false,
                is_asleep: false,
                dropped: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line, or drops it if the queue is full.
    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.waiting.len() + line.len() > MAX_BYTES {
            state.dropped += 1;
            drop(state);
            metrics::log_lines_dropped(1);
            return;
        }
        state.waiting.extend_from_slice(line);
        state.lines += 1;
        let wakes = std::mem::take(&mut state.is_asleep);
        drop(state);
        if wakes {
            self.changed.notify_all();
        }
    }

    /// Writes the lines that wait, for ever. Reports the number of dropped lines in a line of its own as soon as a write
    /// succeeds.
    pub fn write_to(&self, mut out: impl Write) {
        loop {
            let mut state = self.state();
            while state.waiting.is_empty() {
                state.is_asleep = true;
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            state.is_asleep = false;
            let batch = std::mem::take(&mut state.waiting);
            let lines = std::mem::take(&mut state.lines);
            state.is_writing = true;
            drop(state);

            let is_written = write_all(&mut out, &batch).is_ok();
            let mut state = self.state();
            state.is_writing = false;
            let reported = match is_written {
                true => std::mem::take(&mut state.dropped),
                false => {
                    state.dropped += lines;
                    0
                }
            };
            drop(state);
            self.changed.notify_all();
            if !is_written {
                metrics::log_lines_dropped(lines);
            }
            if reported > 0 {
                log::warn!(
                    dropped = reported;
                    "{reported} log lines were dropped: standard error was not read fast enough"
                );
            }
            std::thread::sleep(GATHER);
        }
    }

    /// Waits until everything is written, but no longer than `at_most`.
    pub fn flush(&self, at_most: Duration) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        let waited = self
            .changed
            .wait_timeout_while(self.state(), at_most, is_busy);
        drop(waited);
    }
}

fn write_all(out: &mut impl Write, mut batch: &[u8]) -> io::Result<()> {
    while !batch.is_empty() {
        match out.write(batch) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => batch = &batch[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(RETRY_AFTER);
            }
            Err(error) => return Err(error),
        }
    }
    out.flush()
}

/// What env_logger writes to. Each of its writes is one line.
pub struct Pipe(pub &'static Queue);

impl Write for Pipe {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue for one test. It lives as long as the process.
    fn queue() -> &'static Queue {
        Box::leak(Box::new(Queue::new()))
    }

    #[test]
    fn lines_beyond_the_limit_are_dropped_and_counted() {
        let queue = queue();
        let line = [b'a'; 1024];
        for _ in 0..1024 + 7 {
            Pipe(queue).write_all(&line).unwrap();
        }
        let state = queue.state();
        assert_eq!(state.waiting.len(), MAX_BYTES);
        assert_eq!((state.lines, state.dropped), (1024, 7));
    }

    #[test]
    fn a_flush_waits_for_earlier_lines_but_not_for_ever() {
        let queue = queue();
        Pipe(queue).write_all(b"one\n").unwrap();
        queue.flush(Duration::from_millis(1));
        assert_eq!(queue.state().lines, 1, "no thread writes yet");
        let (read, written) = io::pipe().unwrap();
        std::thread::spawn(move || queue.write_to(written));
        queue.flush(Duration::from_secs(30));
        let state = queue.state();
        assert!(state.waiting.is_empty() && !state.is_writing);
        drop(read);
    }

    /// They are not reported in a line, which would be lost too.
    #[test]
    fn without_a_reader_lines_are_counted_as_dropped() {
        let queue = queue();
        let (read, written) = io::pipe().unwrap();
        drop(read);
        std::thread::spawn(move || queue.write_to(written));
        for lines in 1..=3 {
            Pipe(queue).write_all(b"lost\n").unwrap();
            queue.flush(Duration::from_secs(30));
            assert_eq!(queue.state().dropped, lines);
        }
    }
}
