//! The first value, which anybody can have asked for.

use super::*;

/// The provider is away when Doorward starts.
#[tokio::test]
async fn where_nothing_is_cached_anybody_has_a_first_value_asked_for_every_ten_seconds() {
    locally(async {
        let (cache, provider) = setting();
        let refused = async |now, retry_after_secs| {
            let fetch = || provider.refuse(retry_after_secs);
            let first = cache.get_for(Asker::Anybody, at(now), fetch).await;
            assert!(first.is_err(), "at {now}");
            provider.asked.get()
        };
        let both = tokio::join!(refused(0, None), refused(0, None));
        assert_eq!(both, (1, 1), "one at a time");
        for (now, retry_after_secs, asked) in [
            (9, None, 1),
            (10, None, 2),
            (19, None, 2),
            (20, Some(120), 3),
            (139, None, 3),
            (140, None, 4),
        ] {
            assert_eq!(refused(now, retry_after_secs).await, asked, "at {now}");
        }
        // A sign-in asks all the same, and what it gets is everybody's.
        let sign_in = cache.get_for(Asker::SignIn, at(141), || provider.respond(None));
        assert_eq!(*sign_in.await.unwrap(), 5);
        let anybodys = cache.get_for(Asker::Anybody, at(142), || provider.refuse(None));
        assert_eq!(*anybodys.await.unwrap(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_does_not_wait_for_the_first_value_that_anybody_asked_for() {
    locally(async {
        let (cache, provider) = setting();
        let hangs = cache.get_for(Asker::Anybody, at(0), || provider.hang());
        let sign_in = async {
            provider.is_asked(1).await;
            let fetch = || provider.respond(None);
            cache.get_for(Asker::SignIn, at(0), fetch).await
        };
        tokio::select! {
            value = sign_in => assert_eq!(*value.unwrap(), 2),
            _ = hangs => panic!("it hangs"),
            () = tokio::time::sleep(std::time::Duration::from_secs(10)) => panic!("it waits"),
        }
    })
    .await;
}

/// Or whoever does not wait could cause one request after another.
#[tokio::test]
async fn a_first_value_that_anybody_asked_for_is_under_way_although_they_have_gone() {
    locally(async {
        let (cache, provider) = setting();
        let first = cache.get_for(Asker::Anybody, at(0), || provider.hang());
        let gone = timeout(std::time::Duration::from_millis(20), first).await;
        assert!(gone.is_err(), "it waits");
        let next = cache.get_for(Asker::Anybody, at(0), || provider.respond(None));
        let gone = timeout(std::time::Duration::from_millis(20), next).await;
        assert!(gone.is_err(), "it waits for the same one");
        assert_eq!(provider.asked.get(), 1);
    })
    .await;
}
