//! Times are made up, and the provider counts how often it is asked.

use std::cell::Cell;

use super::super::answer::FetchError;
use super::*;

fn at(secs: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(secs)
}

/// Its first document is 1, its second 2.
#[derive(Default)]
struct Provider {
    asked: Cell<u32>,
}

impl Provider {
    async fn answer(&self, max_age_secs: Option<u64>) -> Result<(u32, Option<u64>), Error> {
        self.asked.set(self.asked.get() + 1);
        tokio::task::yield_now().await;
        Ok((self.asked.get(), max_age_secs))
    }

    async fn refuse(&self, retry_after_secs: Option<u64>) -> Result<(u32, Option<u64>), Error> {
        self.answer(None).await?;
        Err(Error::fetching("keys")(FetchError::Status {
            status: 503,
            retry_after_secs,
        }))
    }
}

#[tokio::test]
async fn a_value_is_fresh_for_its_max_age_between_a_minute_and_an_hour() {
    for (max_age_secs, fresh_secs) in [
        (None, 3600),
        (Some(0), 60),
        (Some(600), 600),
        (Some(86_400), 3600),
        (Some(u64::MAX), 3600),
    ] {
        let (cache, provider) = (Cache::default(), Provider::default());
        for (now, expected) in [(0, 1), (fresh_secs - 1, 1), (fresh_secs, 2)] {
            let fetch = || provider.answer(max_age_secs);
            assert_eq!(*cache.get(at(now), fetch).await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn while_the_provider_is_away_an_old_value_serves_and_it_is_asked_every_ten_seconds() {
    let (cache, provider) = (Cache::default(), Provider::default());
    cache.get(at(0), || provider.answer(None)).await.unwrap();
    for (now, asked) in [(3600, 2), (3609, 2), (3610, 3)] {
        let old = cache.get(at(now), || provider.refuse(None)).await.unwrap();
        assert_eq!((*old, provider.asked.get()), (1, asked), "at {now}");
    }
}

#[tokio::test]
async fn a_value_of_a_day_serves_no_more() {
    for (now, serves) in [(86_399, true), (86_400, false)] {
        let (cache, provider) = (Cache::default(), Provider::default());
        cache.get(at(0), || provider.answer(None)).await.unwrap();
        let old = cache.get(at(now), || provider.refuse(None)).await;
        assert_eq!(old.is_ok(), serves, "at {now}");
    }
}

#[tokio::test]
async fn a_failure_is_shared_by_all_who_waited_and_by_nobody_later() {
    let (cache, provider) = (Cache::default(), Provider::default());
    let get = || cache.get(at(0), || provider.refuse(None));
    let (one, other) = tokio::join!(get(), get());
    assert!(one.is_err() && other.is_err());
    assert_eq!(provider.asked.get(), 1);
    let later = cache.get(at(0), || provider.answer(None)).await;
    assert_eq!(*later.unwrap(), 2);
}

#[tokio::test]
async fn a_value_is_shared_by_all_who_waited() {
    let (cache, provider) = (Cache::default(), Provider::default());
    let get = || cache.get(at(0), || provider.answer(None));
    let (one, other) = tokio::join!(get(), get());
    assert_eq!((*one.unwrap(), *other.unwrap()), (1, 1));
}

#[tokio::test]
async fn a_provider_that_says_when_is_not_asked_before_but_for_a_minute_at_most() {
    for (retry_after_secs, pause_secs) in [(30, 30), (3600, 60), (u64::MAX, 60)] {
        let (cache, provider) = (Cache::default(), Provider::default());
        for (now, asked) in [(0, 1), (pause_secs - 1, 1), (pause_secs, 2)] {
            let refuse = || provider.refuse(Some(retry_after_secs));
            assert!(cache.get(at(now), refuse).await.is_err());
            assert_eq!(provider.asked.get(), asked, "at {now}");
        }
    }
}

#[tokio::test]
async fn a_newer_value_is_asked_for_every_ten_seconds_at_most() {
    let (cache, provider) = (Cache::default(), Provider::default());
    let mut value = cache.get(at(0), || provider.answer(None)).await.unwrap();
    for (now, expected) in [(0, 2), (9, 2), (10, 3), (19, 3), (20, 4)] {
        let newer = cache.get_newer(at(now), &value, || provider.answer(None));
        value = newer.await.unwrap();
        assert_eq!(*value, expected, "at {now}");
    }
}

#[tokio::test]
async fn a_newer_value_that_is_there_already_will_do() {
    let (cache, provider) = (Cache::default(), Provider::default());
    let old = cache.get(at(0), || provider.answer(None)).await.unwrap();
    cache.get(at(3600), || provider.answer(None)).await.unwrap();
    let newer = cache.get_newer(at(3600), &old, || provider.answer(None));
    assert_eq!(*newer.await.unwrap(), 2);
}

#[tokio::test]
async fn whoever_wants_a_newer_value_waits_for_the_one_that_is_being_asked_for() {
    let (cache, provider) = (Cache::default(), Provider::default());
    let old = cache.get(at(0), || provider.answer(None)).await.unwrap();
    let refused = cache.get(at(3600), || provider.refuse(None));
    let newer = || cache.get_newer(at(3600), &old, || provider.answer(None));
    let (_, one, other) = tokio::join!(refused, newer(), newer());
    assert_eq!((*one.unwrap(), *other.unwrap()), (3, 3));
}
