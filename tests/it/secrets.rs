//! That the search for secrets in all that a run logs (`support/secrets.rs`) can find one.

use std::process::Command;

use crate::support::{TestApp, log, secrets};

const LEAK: &str = "DOORWARD_TEST_LEAK";

/// This test runs itself in a process of its own, which leaks, each time in another way.
#[test]
fn a_secret_that_is_logged_turns_the_whole_run_red() {
    match std::env::var(LEAK).ok().as_deref() {
        None => {
            for (leak, what) in [
                ("nothing", None),
                ("before", Some("a test's secret")),
                ("after", Some("a test's secret")),
                ("half", Some("a test's secret")),
                ("printed", Some("a test's secret")),
                ("code", Some("a code, a token or a session of the provider")),
                ("cookie", Some("a cookie")),
            ] {
                let (code, printed) = run_with(leak);
                let found = printed.contains("SECRET LOGGED: ");
                assert!(printed.contains("1 passed"), "{leak}: {printed}");
                assert_eq!(found, what.is_some(), "{leak}: {printed}");
                assert_eq!(code, Some(if found { 101 } else { 0 }), "{leak}: {printed}");
                if let Some(what) = what {
                    assert!(
                        printed.contains(&format!("SECRET LOGGED: {what} in: ")),
                        "{printed}"
                    );
                }
            }
        }
        Some(leak) => do_leak(leak),
    }
}

fn run_with(leak: &str) -> (Option<i32>, String) {
    let test = "secrets::a_secret_that_is_logged_turns_the_whole_run_red";
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(LEAK, leak)
        .output()
        .unwrap();
    let printed = [run.stdout, run.stderr].concat();
    (run.status.code(), String::from_utf8(printed).unwrap())
}

fn do_leak(leak: &str) {
    let secret = doorward::random::secret();
    let register = || secrets::register("a test's secret", &secret);
    log::keep();
    match leak {
        "nothing" => register(),
        "before" => {
            ::log::info!("it is {secret}");
            register();
        }
        "after" => {
            register();
            ::log::info!(token = secret.as_str(); "a field");
        }
        "half" => {
            register();
            ::log::info!("it begins with {}", &secret[..14]);
        }
        "printed" => {
            register();
            secrets::printed(&format!("code={secret}&"));
        }
        _ => actix_web::rt::System::new().block_on(async {
            let app = TestApp::spawn();
            let ada = app.visitor();
            let callback = ada.callback_for("ada").await;
            match leak {
                "code" => ::log::info!("{callback}"),
                _ => ::log::info!("{:?}", ada.app_cookies().values()),
            }
        }),
    }
}
