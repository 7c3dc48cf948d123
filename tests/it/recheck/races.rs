//! Several processes serve one session, and it ends while they ask about it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use futures_util::future::{join, join_all};
use serde_json::json;

use super::{Another, due, refreshes, start, until};
use crate::on_both;
use crate::own_sessions::{ids, page};
use crate::support::app::CLIENT_ID;
use crate::support::provider::Endpoint;
use crate::support::rows::{events, session};
use crate::support::{Answer, Database, TestApp, Visitor};

/// What ends a session.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// Its person signs out of it.
    SignOut,
    /// Its person ends it in another browser.
    Elsewhere,
    /// The provider posts a logout token.
    Provider,
}

impl End {
    const ALL: [End; 3] = [End::SignOut, End::Elsewhere, End::Provider];

    /// Ends the session of `browser`. `id` is its id, and `elsewhere` another browser of the person.
    async fn at(self, app: &TestApp, browser: &Visitor, elsewhere: &Visitor, id: &str) -> Answer {
        match self {
            End::SignOut => browser.post("/logout", "").await,
            End::Elsewhere => {
                let form = format!("session={id}");
                elsewhere.post("/sessions/end", &form).await
            }
            End::Provider => {
                let now = app.clock.now().unix_timestamp();
                let token = app.provider.sign_id_token(&json!({
                    "iss": app.provider.issuer(), "aud": CLIENT_ID, "iat": now, "exp": now + 120, "sub": "00uada",
                    "jti": format!("{now}-{}", events(app, "session_revoked")),
                    "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
                }));
                let form = format!("logout_token={token}");
                browser.post("/backchannel-logout", &form).await
            }
        }
    }
}

on_both! {
    /// The provider has replaced the refresh token, and its response arrives when the session has ended.
    async fn however_a_session_ends_during_a_refresh_its_new_token_goes_back(database: Database) {
        for end in End::ALL {
            let app = start(database);
            let ada = app.signed_in("ada").await;
            let another = Another::start(&app, &ada);
            let elsewhere = app.signed_in("ada").await;
            let id = ids(&page(&elsewhere).await).remove(0);
            app.provider.faults(|faults| {
                faults.revoke_alone = true;
                let late = Duration::from_millis(700);
                faults.late_response.insert(Endpoint::Token, late);
            });
            due(&app);
            app.storage().execute(&format!("UPDATE sessions SET recheck_at = NULL WHERE key_hash <> '{id}'"));
            let ending = async {
                until("asked", || refreshes(&app.provider) == 1).await;
                let answer = end.at(&app, &another.there, &elsewhere, &id).await;
                assert!([200, 303].contains(&answer.status), "{end:?}: {answer:?}");
                assert!(!another.there.is_signed_in().await, "{end:?}");
            };
            let (is_in, ()) = join(ada.is_signed_in(), ending).await;
            assert!(!is_in, "{end:?}");
            // Of the session that the person did not end, and of that which the provider ended.
            let others = 1;
            until("revoked", || app.provider.live_refresh_tokens() == others).await;
            let kept = i64::from(end != End::Provider);
            assert_eq!(app.storage().sessions(), kept, "{end:?}");
        }
    }
}

/// The ID token that came with it is refused.
#[actix_web::test]
async fn a_token_that_comes_with_a_false_id_token_goes_back_if_the_session_has_ended() {
    let app = start(Database::Sqlite);
    let ada = app.signed_in("ada").await;
    let another = Another::start(&app, &ada);
    app.provider.faults(|faults| {
        faults.revoke_alone = true;
        faults.edit_refreshed_claims = Some(Box::new(|claims| claims["sub"] = "00ugrace".into()));
        let late = Duration::from_millis(700);
        faults.late_response.insert(Endpoint::Token, late);
    });
    due(&app);
    let ending = async {
        until("asked", || refreshes(&app.provider) == 1).await;
        assert_eq!(another.there.post("/logout", "").await.status, 303);
    };
    let (_, ()) = join(ada.is_signed_in(), ending).await;
    until("revoked", || app.provider.live_refresh_tokens() == 0).await;
    assert_eq!(events(&app, "session_revoked"), 0);
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn three_processes_ask_once() {
        let app = start(Database::Postgres);
        let ada = app.signed_in("ada").await;
        let others = [Another::start(&app, &ada), Another::start(&app, &ada)];
        app.provider.faults(|faults| {
            let late = Duration::from_millis(100);
            faults.late_response.insert(Endpoint::Token, late);
        });
        for round in 1..=15 {
            due(&app);
            let browsers = [&ada, &others[0].there, &others[1].there];
            let requests = browsers.iter().cycle().take(12);
            for is_in in join_all(requests.map(|it| it.is_signed_in())).await {
                assert!(is_in);
            }
            until("concluded", || session(&app).recheck_round == round).await;
            assert_eq!(refreshes(&app.provider), usize::try_from(round).unwrap());
        }
        // The provider ends all tokens of a sign-in if one comes twice.
        assert_eq!(app.provider.live_refresh_tokens(), 1);
    }

    /// A process that has just started asks a provider that publishes its new key late. Each response takes nine seconds and a
    /// half: the round would outlast its claim, and the next process would send the same refresh token.
    #[actix_web::test]
    async fn a_round_is_over_before_its_claim() {
        let app = start(Database::Postgres);
        let ada = app.signed_in("ada").await;
        let another = Another::start(&app, &ada);
        let key_requests = AtomicUsize::new(0);
        app.provider.faults(|faults| {
            for endpoint in [Endpoint::Discovery, Endpoint::Keys, Endpoint::Token] {
                let late = Duration::from_millis(9500);
                faults.late_response.insert(endpoint, late);
            }
            faults.edit_keys = Some(Box::new(move |keys| {
                if key_requests.fetch_add(1, Ordering::Relaxed) == 0 {
                    keys["keys"] = json!([]);
                }
            }));
        });
        due(&app);
        let began = Instant::now();
        assert!(another.there.is_signed_in().await);
        while session(&app).recheck_round == 0 {
            assert!(began.elapsed() < Duration::from_secs(45), "not concluded");
            assert!(ada.is_signed_in().await);
            sleep(Duration::from_millis(100)).await;
        }
        let took = began.elapsed();
        assert_eq!(refreshes(&app.provider), 1, "after {took:?}");
        assert!(took < Duration::from_secs(30), "{took:?}");
        // The new refresh token is not lost.
        app.provider.heal();
        due(&app);
        assert!(ada.is_signed_in().await);
        until("welcome", || session(&app).recheck_round == 2).await;
        assert_eq!(app.provider.live_refresh_tokens(), 1);
    }

    /// Whichever comes first: what has ended stays ended, and its person's refresh tokens do not outlive it.
    async fn race(database: Database, end: End) {
        let app = start(database);
        app.provider.faults(|faults| faults.revoke_alone = true);
        let first = app.signed_in("ada").await;
        let another = Another::start(&app, &first);
        assert_eq!(first.post("/logout", "").await.status, 303);
        for round in 0..24 {
            let (ada, elsewhere) = (app.signed_in("ada").await, app.signed_in("ada").await);
            another.show(&ada);
            let id = ids(&page(&elsewhere).await).remove(0);
            let before = app.provider.live_refresh_tokens();
            let late = Duration::from_millis(round % 5 * 8);
            app.provider.faults(|faults| {
                faults.late_response.insert(Endpoint::Token, late);
            });
            due(&app);
            let requests = [&ada, &another.there, &ada, &another.there];
            let requests = join_all(requests.map(|it| it.is_signed_in()));
            let ending = async {
                // From before the claim until after the answer is recorded.
                sleep(Duration::from_millis(round * 2)).await;
                end.at(&app, &another.there, &elsewhere, &id).await
            };
            let (_, answer) = join(requests, ending).await;
            assert!([200, 303].contains(&answer.status), "{end:?}: {answer:?}");
            let gone = format!("SELECT COUNT(*) AS n FROM sessions WHERE key_hash = '{id}'");
            assert_eq!(app.storage().number(&gone), 0, "{end:?}");
            for browser in [&ada, &another.there] {
                assert!(!browser.is_signed_in().await, "{end:?}");
            }
            if end == End::Provider {
                // What it ends is not revoked, but no more tokens are left than there were.
                until("all in", || app.provider.live_refresh_tokens() <= before).await;
                app.clock.shift(time::Duration::SECOND);
                continue;
            }
            until("revoked", || {
                app.provider.live_refresh_tokens() == before - 1
            })
            .await;
            assert!(elsewhere.is_signed_in().await, "{end:?}");
            assert_eq!(elsewhere.post("/logout", "").await.status, 303);
            until("all revoked", || app.provider.live_refresh_tokens() == 0).await;
        }
    }

    on_both! {
        async fn a_sign_out_and_a_refresh_at_two_processes(database: Database) {
            race(database, End::SignOut).await;
        }

        async fn an_end_in_another_browser_and_a_refresh_at_two_processes(database: Database) {
            race(database, End::Elsewhere).await;
        }

        async fn a_logout_by_the_provider_and_a_refresh_at_two_processes(database: Database) {
            race(database, End::Provider).await;
        }
    }
}
