//! Values that are requested although the cached one is fresh.

use super::*;

#[tokio::test]
async fn a_newer_value_is_asked_for_every_ten_seconds_for_sign_ins_and_once_a_minute_for_anybody() {
    locally(async {
        for (asker, throttle) in [(Asker::SignIn, 10), (Asker::Anybody, 60)] {
            let (cache, provider, mut newest) = setting_with_first().await;
            for (now, expected) in [
                (0, Ok(2)),
                (1, Err(throttle - 1)),
                (throttle - 1, Err(1)),
                (throttle, Ok(3)),
                (2 * throttle - 1, Err(1)),
                (2 * throttle, Ok(4)),
            ] {
                let fetch = || provider.respond(None);
                let newer = cache.get_newer(asker, at(now), &newest, fetch).await;
                let found = match newer.unwrap() {
                    Newer::Value(value) => {
                        newest = value;
                        Ok(*newest)
                    }
                    Newer::Throttled(secs) => Err(i64::try_from(secs).unwrap()),
                };
                assert_eq!(found, expected, "{asker:?} at {now}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_time_to_wait_is_rounded_up() {
    locally(async {
        let (cache, provider, old) = setting_with_first().await;
        let newer = async |now, old| {
            let fetch = || provider.respond(None);
            cache.get_newer(Asker::SignIn, now, old, fetch).await
        };
        let newest = value(newer(at(0), &old).await);
        for (millis, expected) in [(1, 10), (1000, 9), (9001, 1), (9999, 1)] {
            let found = newer(at(0) + Duration::milliseconds(millis), &newest).await;
            let Ok(Newer::Throttled(secs)) = found else {
                panic!("asked at {millis}");
            };
            assert_eq!(secs, expected, "at {millis}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_anybody_asks_for_leaves_sign_ins_their_own() {
    locally(async {
        let (cache, provider, old) = setting_with_first().await;
        let newer = async |asker, old| {
            let fetch = || provider.respond(None);
            cache.get_newer(asker, at(0), old, fetch).await
        };
        let second = value(newer(Asker::Anybody, &old).await);
        let third = value(newer(Asker::SignIn, &second).await);
        assert_eq!((*second, *third), (2, 3));
    })
    .await;
}

#[tokio::test]
async fn a_newer_value_that_is_there_already_will_do() {
    locally(async {
        for asker in [Asker::SignIn, Asker::Anybody] {
            let (cache, provider, old) = setting_with_first().await;
            cache
                .get(at(3600), || provider.respond(None))
                .await
                .unwrap();
            let newer = cache.get_newer(asker, at(3600), &old, || provider.respond(None));
            assert_eq!(*value(newer.await), 2);
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_wants_a_newer_value_waits_for_the_one_that_is_being_asked_for() {
    locally(async {
        let (cache, provider, old) = setting_with_first().await;
        let refused = cache.get(at(3600), || provider.refuse(None));
        let newer = async |asker| {
            // The refresh is under way.
            provider.is_asked(2).await;
            let fetch = || provider.respond(None);
            cache.get_newer(asker, at(3600), &old, fetch).await
        };
        let (_, one, other, anybodys) = tokio::join!(
            refused,
            newer(Asker::SignIn),
            newer(Asker::SignIn),
            newer(Asker::Anybody)
        );
        let found = [one, other, anybodys].map(|newer| *value(newer));
        assert_eq!(found, [3, 3, 3]);
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_waits_for_no_request_of_anybody_elses() {
    locally(async {
        let (cache, provider, old) = setting_with_first().await;
        let hangs = cache.get_newer(Asker::Anybody, at(0), &old, || provider.hang());
        let sign_in = async {
            provider.is_asked(2).await;
            let fetch = || provider.respond(None);
            cache.get_newer(Asker::SignIn, at(0), &old, fetch).await
        };
        tokio::select! {
            newer = sign_in => assert_eq!(*value(newer), 3),
            _ = hangs => panic!("it hangs"),
        }
    })
    .await;
}

/// A rotation came between the two.
#[tokio::test]
async fn a_value_that_comes_after_a_newer_one_is_not_kept() {
    locally(async {
        let (cache, provider, old) = setting_with_first().await;
        let (go, wait) = tokio::sync::oneshot::channel();
        let late = || {
            let response = provider.respond(None);
            async move {
                let response = response.await;
                wait.await.unwrap();
                response
            }
        };
        let late = cache.get_newer(Asker::Anybody, at(0), &old, late);
        let sign_in = async {
            provider.is_asked(2).await;
            let fetch = || provider.respond(None);
            let newer = cache.get_newer(Asker::SignIn, at(0), &old, fetch).await;
            go.send(()).unwrap();
            newer
        };
        let (late, newer) = tokio::join!(late, sign_in);
        assert_eq!((*value(late), *value(newer)), (3, 3));
        let kept = cache.get(at(0), || provider.respond(None)).await;
        assert_eq!(*kept.unwrap(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_anybody_asked_for_is_kept_although_they_have_gone() {
    locally(async {
        let (cache, provider, old) = setting_with_first().await;
        let (go, wait) = tokio::sync::oneshot::channel();
        let late = || {
            let response = provider.respond(None);
            async move {
                wait.await.unwrap();
                response.await
            }
        };
        let newer = cache.get_newer(Asker::Anybody, at(0), &old, late);
        let gone = timeout(std::time::Duration::from_millis(20), newer).await;
        assert!(gone.is_err(), "it waits");
        go.send(()).unwrap();
        while cache.newer_than(&old).is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(provider.asked.get(), 2);
    })
    .await;
}

/// `Retry-After` counts for all; a failure of anybody's request for nobody else.
#[tokio::test]
async fn a_provider_that_says_when_is_asked_for_nobody_before() {
    locally(async {
        let (cache, provider, old) = setting_with_first().await;
        let refuse = || provider.refuse(Some(120));
        let anybodys = cache.get_newer(Asker::Anybody, at(0), &old, refuse).await;
        assert!(anybodys.is_err());
        let sign_in = cache.get_newer(Asker::SignIn, at(0), &old, refuse).await;
        assert!(sign_in.is_err());
        assert_eq!(provider.asked.get(), 3);
        for (asker, now) in [(Asker::Anybody, 119), (Asker::SignIn, 119)] {
            let newer = cache.get_newer(asker, at(now), &old, || provider.respond(None));
            assert!(newer.await.is_err(), "{asker:?}");
        }
        assert_eq!(provider.asked.get(), 3);
        let newer = cache.get_newer(Asker::SignIn, at(120), &old, || provider.respond(None));
        assert_eq!(*value(newer.await), 4);
    })
    .await;
}
