//! A session gets another key by each step-up. What people and administrators call it by stays the same.

use super::{endings, ids, page};
use crate::on_both;
use crate::support::process::{DOORWARD, Process};
use crate::support::{Database, TestApp, Visitor};

async fn step_up(visitor: &Visitor) {
    let provider = visitor.begin("/step-up?return_to=/profile?x").await;
    let callback = visitor.choose(&provider, "ada").await;
    assert_eq!(visitor.get(&callback).await.location(), "/profile?x");
}

/// Runs `doorward sessions` with these arguments, on this app's database.
fn sessions(app: &TestApp, arguments: &[&str]) -> String {
    let variables = [
        ("DATABASE_URL", app.storage().url.as_str()),
        ("SESSION_CACHE", "0"),
    ];
    let arguments = [&["sessions"], arguments].concat();
    let (code, printed) = Process::start(DOORWARD, &arguments, &variables).ends();
    assert_eq!(code, Some(0), "{printed}");
    printed
}

on_both! {
    async fn a_page_from_before_several_step_ups_ends_the_session_that_it_lists(app: TestApp) {
        let other = app.signed_in("ada").await;
        for (step_ups, by_command) in [(1, false), (2, false), (3, false), (3, true)] {
            let ada = app.signed_in("ada").await;
            let id = ids(&page(&other).await).remove(0);
            for _ in 0..step_ups {
                step_up(&ada).await;
            }
            assert_eq!(ids(&page(&other).await), [&*id], "after {step_ups}");
            assert!(sessions(&app, &["list"]).contains(&id), "after {step_ups}");
            match by_command {
                true => {
                    let printed = sessions(&app, &["revoke", &id]);
                    assert!(printed.contains("Sessions ended: 1."), "{printed}");
                }
                false => {
                    let form = format!("session={id}");
                    assert_eq!(other.post("/sessions/end", &form).await.status, 303, "after {step_ups}");
                }
            }
            assert!(!ada.is_signed_in().await && other.is_signed_in().await, "after {step_ups}");
        }
    }

    /// The page was loaded in another tab of the same browser, where the session was that of some other browser's row.
    async fn whichever_name_of_its_own_session_a_browser_sends_it_signs_out(app: TestApp) {
        for step_ups in 0..3 {
            let (ada, elsewhere) = (app.signed_in("ada").await, app.signed_in("ada").await);
            let id = ids(&page(&elsewhere).await).remove(0);
            for _ in 0..step_ups {
                step_up(&ada).await;
            }
            let out = ada.post("/sessions/end", &format!("session={id}")).await;
            assert!(out.location().contains("/end_session?"), "after {step_ups}: {out:?}");
            assert!(!ada.is_signed_in().await && elsewhere.is_signed_in().await, "after {step_ups}");
            assert_eq!(endings(&app).last().map(String::as_str), Some("sign_out 00uada "));
            elsewhere.post("/logout", "").await;
        }
    }

    /// The cookie of before, on a click that was on its way.
    async fn the_first_and_the_former_key_sign_out_and_open_nothing(app: TestApp) {
        for nth in 0..3 {
            let ada = app.signed_in("ada").await;
            let befores: Vec<Visitor> = (0..3).map(|_| app.visitor()).collect();
            for before in &befores {
                before.set_app_cookie("doorward", &ada.app_cookies()["doorward"]);
                step_up(&ada).await;
            }
            for before in &befores {
                assert!(!before.is_signed_in().await);
            }
            assert!(ada.is_signed_in().await);
            let out = befores[nth].post("/logout", "").await;
            // A key between the first and the former one names nothing.
            assert_eq!(out.location().contains("id_token_hint="), nth != 1, "{nth}: {out:?}");
            assert_eq!(ada.is_signed_in().await, nth == 1, "{nth}");
        }
    }

    /// Pages of the list go on where the last one ended, whatever its sessions are called.
    async fn a_list_in_pages_has_each_session_once(app: TestApp) {
        for _ in 0..6 {
            let ada = app.signed_in("ada").await;
            step_up(&ada).await;
        }
        let whole = sessions(&app, &["list"]);
        let whole: Vec<&str> = whole.lines().filter(|line| line.contains("since")).collect();
        assert_eq!(whole.len(), 6);
        let (mut listed, mut after) = (Vec::new(), String::new());
        for _ in 0..3 {
            let mut arguments = vec!["list", "--limit", "2"];
            if !after.is_empty() {
                arguments.extend(["--after", &after]);
            }
            let printed = sessions(&app, &arguments);
            let lines = printed.lines().filter(|line| line.contains("since"));
            listed.extend(lines.map(str::to_owned));
            let next = printed.split("--after=").nth(1).unwrap_or_default();
            after = next.split_whitespace().next().unwrap_or_default().to_owned();
        }
        assert_eq!(listed, whole);
    }
}

/// A process that has not seen the step-ups yet takes the key of before for that of now.
#[actix_web::test]
async fn who_ends_the_others_by_a_key_of_before_keeps_its_own_session() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("SESSION_CACHE", "1m")]);
    for column in ["former_key_hash", "first_key_hash"] {
        let (ada, other) = (app.signed_in("ada").await, app.signed_in("ada").await);
        let id = ids(&page(&other).await).remove(0);
        assert!(ada.is_signed_in().await, "it is in the cache");
        app.storage().execute(&format!(
            "UPDATE sessions SET key_hash = 'now', former_key_hash = 'former', first_key_hash = 'first' WHERE key_hash = '{id}';
             UPDATE sessions SET {column} = '{id}' WHERE key_hash = 'now'"
        ));
        assert_eq!(ada.post("/sessions/end-others", "").await.status, 303);
        assert!(!other.is_signed_in().await, "{column}");
        let left = app.storage().texts("SELECT key_hash AS what FROM sessions");
        assert_eq!(left, ["now"], "{column}");
        app.storage().execute("DELETE FROM sessions");
    }
}
