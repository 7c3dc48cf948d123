//! Several tabs, and a provider that says no more than it must.

use super::step_up::start;
use super::support::Browser;
use crate::on_both;
use crate::support::Database;
use crate::support::provider::Endpoint;
use crate::support::provider_faults::edit_claims;

/// Follows redirects as far as the address of the app that has the code.
async fn code_for(ada: &Browser<'_>, url: &str) -> String {
    let mut url = url.to_owned();
    for _ in 0..12 {
        if url.contains("_doorward=") {
            return url;
        }
        url = ada.step(&url, "ada").await.unwrap();
    }
    panic!("no code at {url}");
}

on_both! {
    /// The key of the code is gone, and the session is not.
    async fn a_step_up_in_another_tab_while_a_code_is_on_its_way_costs_no_page(database: Database) {
        let gateway = start(database);
        for (url, is_first) in [("http://wiki.test/a?b", true), ("http://strong.test/x", false)] {
            let ada = Browser::new(&gateway);
            if !is_first {
                ada.follow("http://wiki.test/", "ada").await;
            }
            let code = code_for(&ada, url).await;
            let provider = ada.at_doorward.begin("/step-up?return_to=/profile").await;
            let callback = ada.at_doorward.choose(&provider.replace("max_age=300", "acr_values=phr"), "ada").await;
            assert_eq!(ada.at_doorward.get(&callback).await.location(), "/profile");
            let (arrived, answer) = ada.follow(&code, "nobody").await;
            assert_eq!((arrived.as_str(), answer.status), (url, 200), "{}", answer.body);
        }
    }

    /// Tab by tab, as a browser does that was closed with both of them.
    async fn two_tabs_that_step_up_for_two_apps_both_arrive(database: Database) {
        let gateway = start(database);
        let ada = Browser::new(&gateway);
        ada.follow("http://wiki.test/", "ada").await;
        let mut tabs = ["http://strong.test/1", "http://strong.test/2"].map(str::to_owned);
        // Each takes one step in turn.
        for _ in 0..12 {
            for url in &mut tabs {
                match ada.step(url, "ada").await {
                    Ok(next) => *url = next,
                    Err(answer) => assert_eq!(answer.status, 200, "{url}: {}", answer.body),
                }
            }
        }
        assert_eq!(tabs, ["http://strong.test/1", "http://strong.test/2"]);
        assert_eq!(gateway.app.storage().sessions(), 1);
    }
}

/// A session that has really ended is not brought back, and nobody goes round for ever.
#[actix_web::test]
async fn a_code_of_a_session_that_ended_leads_to_a_sign_in() {
    let gateway = start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    let code = code_for(&ada, "http://wiki.test/a").await;
    gateway.app.storage().execute("DELETE FROM sessions");
    let mut url = code;
    for _ in 0..6 {
        url = ada.step(&url, "ada").await.unwrap();
        if url.starts_with(&gateway.app.provider.issuer()) {
            let (arrived, answer) = ada.follow(&url, "ada").await;
            assert_eq!(
                (arrived.as_str(), answer.status),
                ("http://wiki.test/a", 200)
            );
            return;
        }
    }
    panic!("nobody was asked to sign in: {url}");
}

/// A provider must send `auth_time` if `max_age` was sent, and need not otherwise. Nobody has to say their password twice for that.
#[actix_web::test]
async fn a_sign_in_whose_time_is_unknown_is_asked_about_without_a_password() {
    let gateway = start(Database::Sqlite);
    let ada = Browser::new(&gateway);
    edit_claims(&gateway.app, |claims| {
        claims.as_object_mut().unwrap().remove("auth_time");
    });
    ada.follow("http://wiki.test/", "ada").await;
    gateway.app.provider.heal();
    let (url, answer) = ada.follow("http://recent.test/", "ada").await;
    assert_eq!((url.as_str(), answer.status), ("http://recent.test/", 200));
    let requests = gateway.app.provider.requests(Endpoint::Authorize);
    let asked = |name| requests.iter().filter_map(move |it| it.query.get(name));
    assert_eq!(asked("max_age").collect::<Vec<_>>(), ["3600"]);
    assert_eq!(asked("prompt").count(), 0);
}

/// It would be over before the person is back from the provider.
#[test]
fn a_max_age_of_seconds_is_warned_of() {
    use crate::support::process::{DOORWARD, Process};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    let rule = |name: &str, max_age: &str| {
        let rule = "allow = \"signed-in\"";
        format!(
            "[[rule]]\nname = \"{name}\"\nhosts = [\"{name}.test\"]\n{rule}\nmax_age = \"{max_age}\"\n"
        )
    };
    std::fs::write(&file, rule("short", "59s") + &rule("long", "1m")).unwrap();
    let variables = [
        ("RULES_FILE", file.to_str().unwrap()),
        ("PUBLIC_URL", "https://auth.test"),
    ];
    let (code, printed) = Process::start(DOORWARD, &["rules", "check"], &variables).ends();
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("warning: line 1: \"short\" has a max_age of 59 s"),
        "{printed}"
    );
    assert!(!printed.contains("\"long\""), "{printed}");
}
