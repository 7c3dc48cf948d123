//! `doorward check`: what is wrong with the sign-in set-up, and how to fix it. It changes nothing, neither on this host nor
//! at the provider, and prints no secret.

mod client;
mod database;
mod endings;
mod gateway;
mod local;
mod offers;
mod provider;
mod report;
mod through;

use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::commands::output;
use crate::settings::Settings;
use report::{Finding, Report};
pub use through::Check;

/// How long the provider may take in all: two rounds of calls, ten seconds each at most, and some more if a name
/// can't be resolved.
const PROVIDER_PATIENCE: Duration = Duration::from_secs(25);

/// How long the database may take.
const DATABASE_PATIENCE: Duration = Duration::from_secs(6);

/// Checks everything and prints it. The exit code is 0 when nothing is wrong.
pub fn run(check: &Check) -> Result<ExitCode, String> {
    let settings = Settings::from_env(&|path| std::fs::read(path));
    let auto_migrate = settings
        .as_ref()
        .map_or(true, |it| it.database.auto_migrate);
    let database = match Settings::database_from_env(&|path| std::fs::read(path)) {
        Ok((url, _)) => Some(in_thread(move || database::check(url, auto_migrate))),
        Err(_) => None,
    };
    let mut findings = Vec::new();
    match settings {
        Err(complaints) => {
            findings.extend(complaints.iter().map(local::complaint));
            let why = "needs valid settings";
            findings.extend(local::CHECKS.map(|check| Finding::unknown(check, why)));
            findings.extend(provider::CHECKS.map(|check| Finding::unknown(check, why)));
        }
        Ok(settings) => {
            findings.extend(local::check(&settings));
            findings.extend(gateway::check(&settings));
            if !check.through.is_empty() {
                findings.extend(through::check(&check.through, check.as_app, &settings));
            }
            let found = in_thread(move || provider::check(settings));
            findings.extend(found.recv_timeout(PROVIDER_PATIENCE).unwrap_or_else(|_| {
                let why = format!("it took more than {} s", PROVIDER_PATIENCE.as_secs());
                let cannot_tell = |check| Finding::unknown(check, why.clone());
                provider::CHECKS.map(cannot_tell).into()
            }));
        }
    }
    let found = database.map(|found| found.recv_timeout(DATABASE_PATIENCE));
    findings.extend(match found {
        Some(Ok(findings)) => findings,
        Some(Err(_)) => database::timed_out(DATABASE_PATIENCE),
        None => database::CHECKS
            .map(|check| Finding::unknown(check, "needs valid settings"))
            .into(),
    });

    let report = Report(findings);
    output::say(&match check.form.json {
        true => format!("{}\n", output::json_text(&report.as_json())),
        false => report.to_string(),
    })?;
    Ok(match report.is_well() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Works in a thread that is never joined, so that a check that hangs does not delay the report.
fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (found, finding) = mpsc::channel();
    std::thread::spawn(move || found.send(work()));
    finding
}
