//! Values that are requested although the cached one is fresh.

use super::*;

#[tokio::test]
async fn a_newer_value_is_asked_for_every_ten_seconds_at_most() {
    locally(async {
        let (cache, provider) = setting();
        let mut value = cache.get(at(0), || provider.respond(None)).await.unwrap();
        for (now, expected) in [(0, 2), (9, 2), (10, 3), (19, 3), (20, 4)] {
            let newer = cache.get_newer(at(now), &value, || provider.respond(None));
            value = newer.await.unwrap();
            assert_eq!(*value, expected, "at {now}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_newer_value_that_is_there_already_will_do() {
    locally(async {
        let (cache, provider) = setting();
        let old = cache.get(at(0), || provider.respond(None)).await.unwrap();
        cache
            .get(at(3600), || provider.respond(None))
            .await
            .unwrap();
        let newer = cache.get_newer(at(3600), &old, || provider.respond(None));
        assert_eq!(*newer.await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn whoever_wants_a_newer_value_waits_for_the_one_that_is_being_asked_for() {
    locally(async {
        let (cache, provider) = setting();
        let old = cache.get(at(0), || provider.respond(None)).await.unwrap();
        let refused = cache.get(at(3600), || provider.refuse(None));
        let newer = async || {
            // The refresh is under way.
            while provider.asked.get() < 2 {
                tokio::task::yield_now().await;
            }
            cache
                .get_newer(at(3600), &old, || provider.respond(None))
                .await
        };
        let (_, one, other) = tokio::join!(refused, newer(), newer());
        assert_eq!((*one.unwrap(), *other.unwrap()), (3, 3));
    })
    .await;
}
