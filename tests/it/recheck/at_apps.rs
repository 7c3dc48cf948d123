//! The same for sessions that are in use at apps behind the gateway.

use std::time::{Duration, Instant};

use super::{RECHECK, pass, refreshes, until};
use crate::gateway::support::{Browser, Gateway};
use crate::on_both;
use crate::support::Database;
use crate::support::provider::Endpoint;
use crate::support::rows::{events_because, session};

const RULES: &str = r#"
[[rule]]
name = "wiki"
hosts = ["wiki.test"]
allow = "signed-in"
"#;

const SCRIPT: [(&str, &str); 1] = [("sec-fetch-mode", "cors")];

on_both! {
    async fn a_check_asks_the_provider_and_ends_the_session_of_who_was_removed(database: Database) {
        let gateway = Gateway::start_with(database, RULES, &RECHECK);
        let ada = Browser::new(&gateway);
        assert_eq!(ada.follow("http://wiki.test/", "ada").await.1.status, 200);
        pass(&gateway.app);
        assert_eq!(ada.ask("GET", "http://wiki.test/", &SCRIPT).await.status, 200);
        assert_eq!(refreshes(&gateway.app.provider), 1);
        gateway.app.provider.remove_person("ada");
        pass(&gateway.app);
        assert_eq!(ada.ask("GET", "http://wiki.test/", &SCRIPT).await.status, 401);
        assert_eq!(events_because(&gateway.app, "session_revoked", "provider"), 1);
    }

    async fn a_tab_goes_round_without_a_refresh_token_and_a_script_is_told(database: Database) {
        let gateway = Gateway::start_with(database, RULES, &[RECHECK[0], RECHECK[3]]);
        let ada = Browser::new(&gateway);
        assert_eq!(ada.follow("http://wiki.test/", "ada").await.1.status, 200);
        pass(&gateway.app);
        assert_eq!(ada.ask("GET", "http://wiki.test/", &SCRIPT).await.status, 401);
        let (url, answer) = ada.follow("http://wiki.test/a?b", "ada").await;
        assert_eq!((url.as_str(), answer.status), ("http://wiki.test/a?b", 200));
        assert_eq!(ada.ask("GET", "http://wiki.test/", &SCRIPT).await.status, 200);
        assert_eq!(gateway.app.storage().sessions(), 1);
    }
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn a_check_does_not_wait_for_a_provider_that_hangs() {
        let gateway = Gateway::start_with(Database::Sqlite, RULES, &RECHECK);
        let ada = Browser::new(&gateway);
        assert_eq!(ada.follow("http://wiki.test/", "ada").await.1.status, 200);
        let late = Duration::from_secs(8);
        let provider = &gateway.app.provider;
        provider.faults(|faults| {
            faults.delay.insert(Endpoint::Token, late);
        });
        pass(&gateway.app);
        let began = Instant::now();
        assert_eq!(
            ada.ask("GET", "http://wiki.test/", &SCRIPT).await.status,
            200
        );
        assert!(began.elapsed() < Duration::from_secs(6));
        until("concluded", || session(&gateway.app).recheck_round == 1).await;
        assert_eq!(refreshes(provider), 1);
    }
}
