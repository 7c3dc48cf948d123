//! Times are made up, and the provider counts how often it is asked.

mod first;
mod newer;

use std::cell::Cell;
use std::rc::Rc;

use futures_util::FutureExt;
use tokio::task::LocalSet;

use super::*;
use crate::oidc::http::response::FetchError;

fn at(secs: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(secs)
}

/// Its first document is 1, its second 2.
#[derive(Default)]
struct Provider {
    asked: Rc<Cell<u32>>,
}

type Fetched = Result<(u32, Option<u64>), Error>;

impl Provider {
    fn respond(&self, max_age_secs: Option<u64>) -> impl Future<Output = Fetched> + 'static {
        let asked = Rc::clone(&self.asked);
        async move {
            asked.set(asked.get() + 1);
            let number = asked.get();
            tokio::task::yield_now().await;
            Ok((number, max_age_secs))
        }
    }

    /// Waits until it has been asked so often.
    async fn is_asked(&self, times: u32) {
        while self.asked.get() < times {
            tokio::task::yield_now().await;
        }
    }

    fn refuse(&self, retry_after_secs: Option<u64>) -> impl Future<Output = Fetched> + 'static {
        let response = self.respond(None);
        async move {
            response.await?;
            Err(Error::fetching(crate::observe::metrics::Endpoint::Keys)(
                FetchError::Status {
                    status: 503,
                    retry_after_secs,
                },
            ))
        }
    }

    fn hang(&self) -> impl Future<Output = Fetched> + 'static {
        let response = self.respond(None);
        async move {
            response.await?;
            std::future::pending().await
        }
    }
}

/// What is newer, which is there.
fn value(newer: Result<Newer<u32>, Error>) -> Arc<u32> {
    match newer.unwrap() {
        Newer::Value(value) => value,
        Newer::Throttled(secs) => panic!("not for {secs} s"),
    }
}

/// Runs a test as the server runs: a refresh is a task of the same thread.
async fn locally(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

fn setting() -> (Arc<Cache<u32>>, Provider) {
    Default::default()
}

/// The same, with the first document cached.
async fn setting_with_first() -> (Arc<Cache<u32>>, Provider, Arc<u32>) {
    let (cache, provider) = setting();
    let first = cache.get(at(0), || provider.respond(None)).await.unwrap();
    (cache, provider, first)
}

#[tokio::test]
async fn a_value_is_fresh_for_its_max_age_between_a_minute_and_an_hour() {
    locally(async {
        for (max_age_secs, fresh_secs) in [
            (None, 3600),
            (Some(0), 60),
            (Some(600), 600),
            (Some(86_400), 3600),
            (Some(u64::MAX), 3600),
        ] {
            let (cache, provider) = setting();
            for (now, expected) in [(0, 1), (fresh_secs - 1, 1), (fresh_secs, 2)] {
                let fetch = || provider.respond(max_age_secs);
                assert_eq!(*cache.get(at(now), fetch).await.unwrap(), expected);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn while_the_provider_is_away_an_old_value_serves_and_it_is_asked_every_ten_seconds() {
    locally(async {
        let (cache, provider, _) = setting_with_first().await;
        for (now, asked) in [(3600, 2), (3609, 2), (3610, 3)] {
            let old = cache.get(at(now), || provider.refuse(None)).await.unwrap();
            assert_eq!((*old, provider.asked.get()), (1, asked), "at {now}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_of_a_day_serves_no_more() {
    locally(async {
        for (now, serves) in [(86_399, true), (86_400, false)] {
            let (cache, provider, _) = setting_with_first().await;
            let old = cache.get(at(now), || provider.refuse(None)).await;
            assert_eq!(old.is_ok(), serves, "at {now}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_failure_is_shared_by_all_who_waited_and_by_nobody_later() {
    locally(async {
        let (cache, provider) = setting();
        let get = || cache.get(at(0), || provider.refuse(None));
        let (one, other) = tokio::join!(get(), get());
        assert!(one.is_err() && other.is_err());
        assert_eq!(provider.asked.get(), 1);
        let later = cache.get(at(0), || provider.respond(None)).await;
        assert_eq!(*later.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_value_is_shared_by_all_who_waited() {
    locally(async {
        let (cache, provider) = setting();
        let get = || cache.get(at(0), || provider.respond(None));
        let (one, other) = tokio::join!(get(), get());
        assert_eq!((*one.unwrap(), *other.unwrap()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_says_when_is_not_asked_before_but_for_an_hour_at_most() {
    locally(async {
        for (retry_after_secs, pause_secs) in [(30, 30), (3600, 3600), (u64::MAX, 3600)] {
            let (cache, provider) = setting();
            for (now, asked) in [(0, 1), (pause_secs - 1, 1), (pause_secs, 2)] {
                let refuse = || provider.refuse(Some(retry_after_secs));
                assert!(cache.get(at(now), refuse).await.is_err());
                assert_eq!(provider.asked.get(), asked, "at {now}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_old_value_is_kept_for_as_long_as_the_provider_says() {
    locally(async {
        let (cache, provider, _) = setting_with_first().await;
        for (now, asked) in [(3600, 2), (3610, 2), (3719, 2), (3720, 3)] {
            let old = cache.get(at(now), || provider.refuse(Some(120))).await;
            assert_eq!(
                (*old.unwrap(), provider.asked.get()),
                (1, asked),
                "at {now}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn while_a_refresh_hangs_the_old_value_serves_and_nobody_asks_again() {
    locally(async {
        let (cache, provider, _) = setting_with_first().await;
        let began = std::time::Instant::now();
        let old = cache.get(at(3600), || provider.hang()).await;
        assert_eq!((*old.unwrap(), provider.asked.get()), (1, 2));
        assert!(began.elapsed() >= PATIENCE, "it did not wait");
        for _ in 0..5 {
            let old = cache.get(at(3600), || provider.hang()).now_or_never();
            let old = old.expect("only the first waits").unwrap();
            assert_eq!((*old, provider.asked.get()), (1, 2));
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_of_a_certain_age_is_asked_for_again_and_an_older_one_will_do() {
    locally(async {
        let (cache, provider) = setting();
        let within = |now, response| cache.get_within(Duration::MINUTE, at(now), || response);
        for (now, expected) in [(0, 1), (60, 1), (61, 2), (121, 2)] {
            let value = within(now, provider.respond(None)).await;
            assert_eq!(*value.unwrap(), expected, "at {now}");
        }
        assert_eq!(
            *cache
                .get_within(Duration::MINUTE, at(200), || provider.refuse(None))
                .await
                .unwrap(),
            2
        );
        // A failed request does not make it newer.
        let value = within(201, provider.respond(None)).await;
        assert_eq!(*value.unwrap(), 4);
    })
    .await;
}

/// As it does when a machine starts with a wrong one, which is then set right.
#[tokio::test]
async fn a_clock_that_is_set_back_holds_up_nothing() {
    locally(async {
        let (cache, provider, first) = setting_with_first().await;
        let newer = async |now, old| {
            let fetch = || provider.respond(None);
            cache.get_newer(Asker::SignIn, now, old, fetch).await
        };
        let second = value(newer(at(0), &first).await);
        assert_eq!(*value(newer(at(-7200), &second).await), 3);
        let earlier = cache.get(at(-7201), || provider.respond(None)).await;
        assert_eq!(*earlier.unwrap(), 3);
        let next = cache.get(at(-86_400), || provider.respond(None)).await;
        assert_eq!(*next.unwrap(), 4);
    })
    .await;
}
