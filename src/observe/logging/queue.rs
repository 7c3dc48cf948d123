//! Where lines wait to be written by a thread of its own: who logs never waits for whoever reads
//! standard error, and a reader that reads no more stops nothing.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::observe::metrics;

/// So many bytes wait at most, and as many are being written: some ten thousand lines.
const BYTES_AT_MOST: usize = 1024 * 1024;

/// How long a standard error that does not block (another process may have set it so) is left alone
/// before it is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// The one of this process.
pub static QUEUE: Queue = Queue::new();

/// Lines that wait.
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: Vec<u8>,
    lines: u64,
    is_writing: bool,
    /// Lines that were not written and of which no line tells yet.
    dropped: u64,
}

impl Queue {
    const fn new() -> Queue {
        Queue {
            state: Mutex::new(State {
                waiting: Vec::new(),
                lines: 0,
                is_writing: false,
                dropped: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a line wait, or drops it where too many do.
    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.waiting.len() + line.len() > BYTES_AT_MOST {
            state.dropped += 1;
            drop(state);
            metrics::log_lines_dropped(1);
            return;
        }
        state.waiting.extend_from_slice(line);
        state.lines += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Writes what waits, for ever. Tells in a line of its own how many were dropped, once somebody
    /// reads again.
    pub fn write_to(&self, mut out: impl Write) {
        loop {
            let mut state = self.state();
            while state.waiting.is_empty() {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let batch = std::mem::take(&mut state.waiting);
            let lines = std::mem::take(&mut state.lines);
            state.is_writing = true;
            drop(state);

            let is_written = write_all(&mut out, &batch).is_ok();
            let mut state = self.state();
            state.is_writing = false;
            let told = match is_written {
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
            if told > 0 {
                log::warn!(
                    dropped = told;
                    "{told} log lines were dropped: standard error was not read fast enough"
                );
            }
        }
    }

    /// Waits until everything is written, `at_most` so long.
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
                std::thread::sleep(TRY_AGAIN);
            }
            Err(error) => return Err(error),
        }
    }
    out.flush()
}

/// Where the logger writes: each write is one line, as env_logger does it.
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

    /// A queue of its own for a test, which lives as long as the process.
    fn queue() -> &'static Queue {
        Box::leak(Box::new(Queue::new()))
    }

    #[test]
    fn beyond_its_bound_lines_are_dropped_and_counted() {
        let queue = queue();
        let line = [b'a'; 1024];
        for _ in 0..1024 + 7 {
            Pipe(queue).write_all(&line).unwrap();
        }
        let state = queue.state();
        assert_eq!(state.waiting.len(), BYTES_AT_MOST);
        assert_eq!((state.lines, state.dropped), (1024, 7));
    }

    #[test]
    fn whoever_flushes_waits_for_what_was_written_and_not_for_ever() {
        let queue = queue();
        Pipe(queue).write_all(b"one\n").unwrap();
        queue.flush(Duration::from_millis(1));
        assert_eq!(queue.state().lines, 1, "nobody writes yet");
        let (read, written) = io::pipe().unwrap();
        std::thread::spawn(move || queue.write_to(written));
        queue.flush(Duration::from_secs(30));
        let state = queue.state();
        assert!(state.waiting.is_empty() && !state.is_writing);
        drop(read);
    }

    /// Nothing is said of lines that are lost where saying so would be lost too.
    #[test]
    fn where_nobody_is_there_to_read_lines_are_counted_as_dropped() {
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
