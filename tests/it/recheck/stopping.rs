//! A process that is asked to stop finishes what no request waits for any more. One that is killed does not.

mod slow {
    use std::time::Duration;

    use std::io::Write;
    use std::net::TcpStream;

    use diesel::connection::SimpleConnection;

    use crate::on_both;
    use crate::recheck::{Another, due, refreshes, start, until, until_out};
    use crate::support::provider::Endpoint;
    use crate::support::rows::{events, events_because, session};
    use crate::support::{Database, TestApp, Visitor};

    /// Sends a request of this browser to another process, and does not wait for the answer.
    fn sent(app: &TestApp, another: &Another, browser: &Visitor, target: &str) -> TcpStream {
        let mut cookies = String::new();
        for (name, value) in browser.app_cookies() {
            cookies += &format!("{}={value}; ", app.cookie_name(&name));
        }
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}x=y\r\n\r\n");
        let mut stream = TcpStream::connect(another.addr).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    on_both! {
        /// As at each deployment. The provider has replaced the refresh token, and would see the old one again.
        async fn an_answer_that_comes_when_its_request_is_over_is_recorded(database: Database) {
            let app = start(database);
            let ada = app.signed_in("ada").await;
            let another = Another::start(&app, &ada);
            app.provider.faults(|faults| {
                let late = Duration::from_secs(5);
                faults.late_response.insert(Endpoint::Token, late);
            });
            due(&app);
            // The page did not wait for the answer.
            assert!(another.there.is_signed_in().await);
            assert_eq!((refreshes(&app.provider), session(&app).recheck_round), (1, 0));
            another.stop();
            assert_eq!(session(&app).recheck_round, 1);
            app.provider.heal();
            due(&app);
            assert!(ada.is_signed_in().await);
            assert_eq!((refreshes(&app.provider), session(&app).recheck_round), (2, 2));
            assert_eq!(app.provider.live_refresh_tokens(), 1);
        }

        async fn tokens_of_sessions_that_have_ended_are_revoked(database: Database) {
            let app = start(database);
            let ada = app.signed_in("ada").await;
            for _ in 0..40 {
                app.signed_in("ada").await;
            }
            let another = Another::start(&app, &ada);
            app.provider.faults(|faults| {
                let late = Duration::from_millis(500);
                faults.late_response.insert(Endpoint::Revoke, late);
            });
            assert_eq!(another.there.post("/sessions/end-others", "").await.status, 303);
            another.stop();
            assert_eq!(app.provider.live_refresh_tokens(), 1);
        }

        /// The claim holds the others back for half a minute. Then they ask with the token that is there.
        async fn a_process_that_is_killed_while_it_asks_costs_a_sign_in_at_most(database: Database) {
            for keeps_the_token in [true, false] {
                let app = start(database);
                let ada = app.signed_in("ada").await;
                let mut another = Another::start(&app, &ada);
                app.provider.faults(|faults| {
                    faults.keep_refresh_token = keeps_the_token;
                    faults.late_response.insert(Endpoint::Token, Duration::from_secs(5));
                });
                due(&app);
                let _stream = sent(&app, &another, &ada, "/profile");
                until("asked", || refreshes(&app.provider) == 1).await;
                another.process.kill();
                app.provider.heal();
                assert!(ada.is_signed_in().await);
                assert_eq!((refreshes(&app.provider), session(&app).recheck_round), (1, 0));
                app.clock.shift(time::Duration::seconds(31));
                if keeps_the_token {
                    assert!(ada.is_signed_in().await);
                    until("recorded", || session(&app).recheck_round == 1).await;
                } else {
                    // The provider sees a token again that it has replaced.
                    until_out(&ada).await;
                    assert_eq!(events_because(&app, "session_revoked", "provider"), 1);
                    assert_eq!(ada.sign_in("ada").await.location(), "/profile");
                    assert!(ada.is_signed_in().await);
                }
                assert_eq!(refreshes(&app.provider), 2);
            }
        }
    }

    /// Postgres waits for a lock, and finds nobody there when it has it.
    #[actix_web::test]
    async fn a_step_up_whose_process_is_killed_changes_nothing() {
        let app = start(Database::Postgres);
        let ada = app.signed_in("ada").await;
        let before = session(&app);
        let mut another = Another::start(&app, &ada);
        let provider = ada.begin("/step-up?return_to=/profile?x").await;
        let callback = ada.choose(&provider, "ada").await;
        let target = callback.strip_prefix(&app.url).unwrap_or(&callback);
        let mut lock = app.storage().connect();
        lock.batch_execute("BEGIN; SELECT 1 FROM sessions FOR UPDATE")
            .unwrap();
        let _stream = sent(&app, &another, &ada, target);
        let waits = "SELECT COUNT(*) AS n FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until("waiting", || app.storage().number(waits) > 0).await;
        another.process.kill();
        lock.batch_execute("COMMIT").unwrap();
        until("over", || {
            let open = "SELECT COUNT(*) AS n FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE '%transaction%'";
            app.storage().number(waits) == 0 && app.storage().number(open) == 0
        })
        .await;
        assert_eq!(session(&app), before);
        assert_eq!(events(&app, "step_up"), 0);
        assert!(ada.is_signed_in().await);
        let provider = ada.begin("/step-up?return_to=/profile?x").await;
        let callback = ada.choose(&provider, "ada").await;
        assert_eq!(ada.get(&callback).await.location(), "/profile?x");
        assert_ne!(session(&app).key_hash, before.key_hash);
        assert!(ada.is_signed_in().await);
    }
}
