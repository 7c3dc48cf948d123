//! The time. A [`Clock`] is that of this machine, or follows another one: what is compared with rows of Postgres, or written
//! to them, has the time of Postgres, so that all processes agree. Tests can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use nix::time::{ClockId, clock_gettime};
use time::{Duration, OffsetDateTime};

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
    /// What the other clock showed when this machine started: microseconds since 1970.
    micros_at_boot: AtomicI64,
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
        let now = match &self.other {
            Some(other) => other.now(),
            None => OffsetDateTime::now_utc(),
        };
        #[cfg(test)]
        let now = self.stopped_at.unwrap_or(now);
        now + self.shifted_by()
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
            micros_at_boot: AtomicI64::new(reading.micros_at_boot()),
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
            other.set(reading);
        }
    }

    /// How far it is ahead of this machine's clock; negative is behind.
    pub fn ahead_of_local(&self) -> Duration {
        self.now() - self.shifted_by() - OffsetDateTime::now_utc()
    }
}

impl Other {
    fn now(&self) -> OffsetDateTime {
        let micros = self.micros_at_boot.load(Ordering::Relaxed);
        OffsetDateTime::UNIX_EPOCH + Duration::microseconds(micros) + since_boot()
    }

    fn set(&self, reading: Reading) {
        self.micros_at_boot
            .store(reading.micros_at_boot(), Ordering::Relaxed);
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
        let halfway = asked_at.elapsed() / 2;
        Reading {
            time,
            at: since_boot() - halfway,
            local_time: OffsetDateTime::now_utc() - halfway,
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

    fn micros_at_boot(&self) -> i64 {
        micros(self.time - self.at)
    }
}

fn micros(time: OffsetDateTime) -> i64 {
    let micros = time.unix_timestamp_nanos() / 1000;
    i64::try_from(micros).expect("the years of an `OffsetDateTime` fit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    /// Off by no more than the time since `began`: this thread may be held up between any two readings.
    fn close(time: OffsetDateTime, expected: OffsetDateTime, began: Instant) {
        let off = time - expected;
        let at_most = Duration::milliseconds(10) + began.elapsed();
        assert!(
            off.abs() < at_most,
            "{time} is not {expected}, within {at_most}"
        );
    }

    #[test]
    fn a_clock_follows_another_one_and_is_set_by_each_reading() {
        let began = Instant::now();
        let local = Clock::default();
        let then = datetime!(2027-03-01 12:00 UTC);
        let clock = local.following(Reading::answered(then, Instant::now()));
        close(clock.now(), then, began);
        let ahead = clock.ahead_of_local();
        close(OffsetDateTime::now_utc() + ahead, then, began);

        let later = then + Duration::HOUR;
        clock.clone().set(Reading::answered(later, Instant::now()));
        close(clock.now(), later, began);
        close(local.now(), OffsetDateTime::now_utc(), began);
    }

    #[test]
    fn it_counts_on_from_the_moment_of_the_reading() {
        let began = Instant::now();
        let then = datetime!(2027-03-01 12:00 UTC);
        let asked_at = began
            .checked_sub(std::time::Duration::from_secs(10))
            .expect("the machine has run for longer");
        let reading = Reading::answered(then, asked_at);
        let clock = Clock::default().following(reading);
        close(clock.now(), then + Duration::seconds(5), began);
        clock.set(Reading::answered(then, Instant::now()));
        close(clock.now(), then, began);
    }

    #[test]
    fn the_answer_that_came_sooner_is_more_exact() {
        let then = datetime!(2027-03-01 12:00 UTC);
        let now = Instant::now();
        let asked_at = |secs| now.checked_sub(std::time::Duration::from_secs(secs));
        let [slow, slower] = [10, 20]
            .map(|secs| asked_at(secs).expect("the machine has run for longer"))
            .map(|asked_at| Reading::answered(then, asked_at));
        for found in [slow.or_more_exact(slower), slower.or_more_exact(slow)] {
            assert_eq!(found.within, slow.within);
        }
    }

    /// `/proc/uptime` counts the time in which the machine was suspended, in hundredths of a second.
    #[test]
    fn the_time_since_boot_has_that_in_which_the_machine_was_suspended() {
        let before = since_boot();
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let after = since_boot();
        let uptime = uptime.split(' ').next().unwrap().parse().unwrap();
        let uptime = Duration::seconds_f64(uptime);
        let lies_between = before - Duration::milliseconds(20) < uptime
            && uptime < after + Duration::milliseconds(20);
        assert!(lies_between, "{before}, {uptime}, {after}");
    }

    #[test]
    fn a_test_moves_the_clock_and_those_that_follow_another_one() {
        let began = Instant::now();
        let local = Clock::default();
        let then = datetime!(2027-03-01 12:00 UTC);
        let clock = local.following(Reading::answered(then, Instant::now()));
        local.shift(Duration::DAY);
        close(clock.now(), then + Duration::DAY, began);
        let tomorrow = OffsetDateTime::now_utc() + Duration::DAY;
        close(local.now(), tomorrow, began);
        let shown = OffsetDateTime::now_utc() + clock.ahead_of_local();
        close(shown, then, began);
    }
}
