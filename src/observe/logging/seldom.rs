//! A line that many events cause, of which the log gets one a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(60);

/// Counts events that are worth one line a minute.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    written: Option<Instant>,
    /// Since then.
    count: u64,
}

impl Seldom {
    /// Nothing has happened yet.
    pub const fn new() -> Self {
        Seldom(Mutex::new(State {
            written: None,
            count: 0,
        }))
    }

    /// Counts an event. Returns how many there were since the latest line, with this one, if another line is due.
    pub fn due(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        if state.written.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        state.written = Some(Instant::now());
        Some(std::mem::take(&mut state.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_once_a_minute_with_the_count() {
        let seldom = Seldom::new();
        assert_eq!(
            [seldom.due(), seldom.due(), seldom.due()],
            [Some(1), None, None]
        );
        let minute_ago = Instant::now().checked_sub(PAUSE);
        seldom.0.lock().unwrap().written = minute_ago;
        assert_eq!([seldom.due(), seldom.due()], [Some(3), None]);
    }
}
