//! The time. A [`Clock`] is that of this machine, or follows another one: what is compared with rows of Postgres, or written
//! to them, has the time of Postgres, so that all processes agree. Tests can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use nix::time::{ClockId, clock_gettime};
use time::{Duration, OffsetDateTime};

/// By how much the other clock may be set, within a minute or so, before this one reads it again: where the database moves to
/// another host, that has a clock of its own.
const MAY_BE_SET: Duration = Duration::milliseconds(20);

/// By which part of the time since a reading two clocks may have drifted apart: 100 ppm.
const DRIFT: f64 = 100e-6;

/// The time in UTC. Clones share everything.
#[derive(Clone, Default)]
pub struct Clock {
    shift_secs: Arc<AtomicI64>,
    /// The clock that it follows, if it is not this machine's.
    other: Option<Arc<Other>>,
    /// The time at which it stands still.
    #[cfg(test)]
    stopped_at: Option<OffsetDateTime>,
}

/// The clock of another machine. Between two readings, a clock of this machine counts on that nobody sets.
struct Other {
    reading: ArcSwap<Reading>,
}

/// What the clock of another machine showed at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    time: OffsetDateTime,
    /// By [`since_boot`].
    at: Duration,
    /// What the clock of this machine showed then.
    local_time: OffsetDateTime,
    /// By how much it may be wrong.
    within: Duration,
}

impl Clock {
    /// The time now, in UTC.
    pub fn now(&self) -> OffsetDateTime {
        self.read().0
    }

    /// The earliest that another process may hold the time to be, now that this one calls it [`Clock::now`]. An event before
    /// this call, whose time is this, is before all that happens after it and has the time of [`Clock::latest`] at any process.
    pub fn earliest(&self) -> OffsetDateTime {
        let (now, doubt) = self.read();
        now - doubt
    }

    /// The latest that another process may hold the time to be: see [`Clock::earliest`].
    pub fn latest(&self) -> OffsetDateTime {
        let (now, doubt) = self.read();
        now + doubt
    }

    /// The time, and by how much it may be wrong.
    fn read(&self) -> (OffsetDateTime, Duration) {
        let (now, doubt) = match &self.other {
            Some(other) => other.read(),
            None => (OffsetDateTime::now_utc(), Duration::ZERO),
        };
        #[cfg(test)]
        let now = self.stopped_at.unwrap_or(now);
        (now + self.shifted_by(), doubt)
    }

    /// Moves this clock, its clones and those that were made by [`Clock::following`] by whole seconds; negative goes back.
    /// For tests.
    pub fn shift(&self, by: Duration) {
        self.shift_secs
            .fetch_add(by.whole_seconds(), Ordering::Relaxed);
    }

    fn shifted_by(&self) -> Duration {
        Duration::seconds(self.shift_secs.load(Ordering::Relaxed))
    }

    /// A clock that follows the one that was read.
    pub fn following(&self, reading: Reading) -> Clock {
        let other = Other {
            reading: ArcSwap::from_pointee(reading),
        };
        Clock {
            shift_secs: self.shift_secs.clone(),
            other: Some(Arc::new(other)),
            #[cfg(test)]
            stopped_at: None,
        }
    }

    /// A clock that only moves when it is shifted: what a unit test says of seconds holds on a machine that is busy.
    #[cfg(test)]
    pub fn stopped() -> Clock {
        Clock {
            stopped_at: Some(OffsetDateTime::now_utc()),
            ..Clock::default()
        }
    }

    /// Sets a clock that follows another one by a newer reading.
    pub fn set(&self, reading: Reading) {
        if let Some(other) = &self.other {
            other.reading.store(Arc::new(reading));
        }
    }

    /// How far it is ahead of this machine's clock; negative is behind.
    pub fn ahead_of_local(&self) -> Duration {
        self.now() - self.shifted_by() - OffsetDateTime::now_utc()
    }
}

impl Other {
    fn read(&self) -> (OffsetDateTime, Duration) {
        let reading = self.reading.load();
        let age = since_boot() - reading.at;
        (
            reading.time + age,
            reading.within + MAY_BE_SET + age * DRIFT,
        )
    }
}

/// The time since this machine started, with that in which it was suspended: an [`Instant`] stops meanwhile, and a session
/// would be open for too long after that.
fn since_boot() -> Duration {
    let time =
        clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has had this clock since 2.6.39");
    Duration::new(time.tv_sec(), 0) + Duration::nanoseconds(time.tv_nsec())
}

impl Reading {
    /// The result of a question that was asked at `asked_at` and has just been answered: `time` is that of the moment
    /// halfway between.
    pub fn answered(time: OffsetDateTime, asked_at: Instant) -> Reading {
        // In this order: if the thread is held up between these, the reading is known to be less exact.
        let (at, local_time) = (since_boot(), OffsetDateTime::now_utc());
        let halfway = asked_at.elapsed() / 2;
        Reading {
            time,
            at: at - halfway,
            local_time: local_time - halfway,
            within: Duration::try_from(halfway).unwrap_or(Duration::MAX),
        }
    }

    /// The more exact one of two: whose question was answered sooner.
    pub fn or_more_exact(self, other: Reading) -> Reading {
        match other.within < self.within {
            true => other,
            false => self,
        }
    }

    /// How far the clock that was read is ahead of this machine's; negative is behind.
    pub fn ahead_of_local(&self) -> Duration {
        self.time - self.local_time
    }
}

#[cfg(test)]
mod tests;
