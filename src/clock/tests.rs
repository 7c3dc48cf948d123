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

/// It was asked ten seconds ago, and may have shown that at any time since.
#[test]
fn what_it_shows_lies_between_the_earliest_and_the_latest() {
    let then = datetime!(2027-03-01 12:00 UTC);
    let asked_at = Instant::now().checked_sub(std::time::Duration::from_secs(10));
    let asked_at = asked_at.expect("the machine has run for longer");
    let mut reading = Reading::answered(then, asked_at);
    let clock = Clock::default().following(reading);
    let (earliest, latest) = (clock.earliest(), clock.latest());
    assert!(earliest <= then - MAY_BE_SET, "{earliest}");
    assert!(
        latest >= then + Duration::seconds(10) + MAY_BE_SET,
        "{latest}"
    );

    reading.at -= Duration::minutes(10);
    let (_, doubt) = Clock::default().following(reading).read();
    let more = doubt - (latest - earliest) / 2;
    assert!(more > Duration::milliseconds(59), "{more} by the drift");

    let stopped = Clock::stopped();
    assert_eq!(
        (stopped.earliest(), stopped.latest()),
        (stopped.now(), stopped.now())
    );
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
    let lies_between =
        before - Duration::milliseconds(20) < uptime && uptime < after + Duration::milliseconds(20);
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
