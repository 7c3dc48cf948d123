//! `doorward check` against a healthy provider and against broken ones.

mod client;
mod database;
mod discovery;
mod endings;
mod gateway;
mod provider;
mod report;
mod settings;
mod tls;

use crate::support::TestApp;
use crate::support::app::{CLIENT_SECRET, SESSION_KEY};
use crate::support::process::{DOORWARD, Process};

/// What `doorward check` prints with the settings of `app` and of `variables`, and its exit code.
pub fn check_with(app: &TestApp, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut all = app.variables.clone();
    all.extend(
        variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string())),
    );
    let all: Vec<_> = all
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut doorward = Process::start(DOORWARD, &[&["check"], arguments].concat(), &all);
    let (code, printed) = doorward.ends();
    assert_eq!(doorward.files(), [""; 0], "it makes nothing");
    for secret in [CLIENT_SECRET, SESSION_KEY, "hunter2", "panicked"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
    let printed = printed
        .replace(&app.storage().url, "DATABASE")
        .replace(&format!(":{}", port(&app.provider.issuer())), ":PROVIDER")
        .replace(&format!(":{}", port(&app.url)), ":APP");
    (code.unwrap(), printed)
}

/// As [`check_with`]: the lines that are not ok, without the spaces that make columns. Something is at fault exactly if
/// the exit code says so.
pub fn complaints_with(app: &TestApp, variables: &[(&str, &str)]) -> Vec<String> {
    let (code, printed) = check_with(app, &[], variables);
    let mut lines: Vec<String> = printed
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let sum = lines.pop().unwrap();
    assert!(sum.starts_with("Faults: "), "{printed}");
    let faults = lines
        .iter()
        .filter(|line| line.starts_with("fault "))
        .count();
    assert!(sum.starts_with(&format!("Faults: {faults}. ")), "{printed}");
    assert_eq!(code, i32::from(faults > 0), "{printed}");
    // A machine without trust roots is a machine to test on, too.
    lines.retain(|line| !line.starts_with("ok ") && !line.starts_with("warning tls_roots "));
    lines
}

pub fn complaints(app: &TestApp) -> Vec<String> {
    complaints_with(app, &[])
}

/// The lines of all checks that need discovery, if that fails.
const UNTOLD: [&str; 13] = [
    "can't tell issuer needs the discovery document.",
    "can't tell keys needs the discovery document.",
    "can't tell scopes needs the discovery document.",
    "can't tell client_auth needs the discovery document.",
    "can't tell response_mode needs the discovery document.",
    "can't tell acr needs the discovery document.",
    "can't tell client needs the discovery document.",
    "can't tell client_secret needs the discovery document.",
    "can't tell end_session needs the discovery document.",
    "can't tell back_channel needs the discovery document.",
    "can't tell front_channel needs the discovery document.",
    "can't tell universal needs the discovery document.",
    "can't tell revocation needs the discovery document.",
];

/// Asserts that `fault` is the only fault, and that only the clock is known.
fn assert_only_discovery_fails(mut found: Vec<String>, fault: &str) {
    found.retain(|line| !line.starts_with("can't tell clock "));
    assert_eq!(found.remove(0), fault);
    assert_eq!(found, UNTOLD);
}
