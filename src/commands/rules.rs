//! `doorward rules`: what the rules of the gateway say, before or after something surprised somebody.

mod who;
mod words;

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::explain;
use super::output::{self, Form, json_text};
use super::risky_rules::{self, Risk};
use crate::duration;
use crate::gateway::decision::judge;
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::path::readings;
use crate::gateway::rules::{Allow, Rule, Selected};
use crate::gateway::visitor::Visitor;
use crate::settings::{RulesFile, Settings};

/// What to ask of the rules.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Say what is wrong with RULES_FILE, or what may be meant otherwise; exit with 0 if there is no fault
    Check,
    /// Say which rule decides about a URL, and whether somebody may pass; exit with 0 if they may, with 1 if not
    Test(Box<Test>),
}

/// A request, and who sends it.
#[derive(Args, Debug)]
pub struct Test {
    /// The whole URL, such as https://wiki.example.com/admin?x=1
    url: String,
    /// The method
    #[arg(long, default_value = "GET")]
    method: String,
    /// The client's address, for rules with networks
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// Somebody who has signed in before: an id, or an email that one person has; needs DATABASE_URL
    #[arg(long = "as", value_name = "PERSON", conflicts_with_all = ["email", "groups", "subject"])]
    person: Option<String>,
    /// Somebody with this verified email
    #[arg(long)]
    email: Option<String>,
    /// Somebody in these groups
    #[arg(long, value_delimiter = ',', value_name = "GROUP,…")]
    groups: Vec<String>,
    /// Somebody with this subject at the issuer
    #[arg(long)]
    subject: Option<String>,
    /// Who signed in with this acr
    #[arg(long)]
    acr: Option<String>,
    /// Who signed in so long ago (2h)
    #[arg(long, value_name = "DURATION", value_parser = |text: &str| duration::parse(text.to_owned()))]
    signed_in_ago: Option<Duration>,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
///
/// # Errors
/// The rules can't be read.
pub fn run(rules: Rules) -> Result<ExitCode, String> {
    let file =
        Settings::rules_from_env(&|path| std::fs::read(path)).map_err(|faults| explain(&faults))?;
    match rules {
        Rules::Check => output::say(&check(&file)),
        Rules::Test(test) => self::test(&file, &test),
    }
}

fn check(file: &RulesFile) -> String {
    let mut text = format!("no fault: {}\n", risky_rules::size(&file.rules));
    for Risk { message, fix } in risky_rules::risks(&file.rules, &file.public_url, &file.scopes) {
        text.push_str(&format!("warning: {message}. Fix: {fix}.\n"));
    }
    text
}

fn test(file: &RulesFile, test: &Test) -> Result<ExitCode, String> {
    let original = match OriginalRequest::of_url(&test.method, &test.url) {
        Ok(original) => original,
        Err(malformed) => {
            eprintln!(
                "This request would be refused as {}: {malformed}. Name a whole URL, such as https://wiki.example.com/",
                malformed.part.reason()
            );
            return Ok(ExitCode::from(2));
        }
    };
    let user = match &test.person {
        Some(person) => Some(who::known(person)?),
        None => None,
    };
    let visitor = who::visitor(test, user.as_ref());
    let (rule, outcome, reason) = match file.rules.select(&original, test.from) {
        Selected::NoRule => (None, Outcome::Refused, "no_rule"),
        Selected::Ambiguous => (None, Outcome::Refused, "ambiguous_path"),
        Selected::Rule(rule) => {
            let (outcome, reason) = decide(file, rule, visitor.as_ref());
            (Some(rule), outcome, reason)
        }
    };
    let number = rule.and_then(|rule| {
        file.rules
            .all()
            .iter()
            .position(|it| std::ptr::eq(it, rule))
    });
    if test.form.json {
        let document = json!({
            "url": original.url(),
            "rule": rule.map(|rule| json!({"number": number.map(|it| it + 1), "name": rule.name, "line": rule.line})),
            "outcome": outcome.name(),
            "reason": (!reason.is_empty()).then_some(reason),
        });
        output::say(&format!("{}\n", json_text(&document)))?;
    } else {
        let mut text = format!("{}\n  host   {}\n", test.url, original.host);
        let count = readings(&original.target.path).map_or(0, |readings| readings.len());
        let path = &original.target.path;
        text.push_str(&format!(
            "  path   {path} ({})\n",
            words::readings(count, reason)
        ));
        match (rule, number) {
            (Some(rule), Some(number)) => {
                text.push_str(&format!(
                    "  rule   {} \"{}\": {}\n",
                    number + 1,
                    rule.name,
                    words::demands(rule)
                ));
            }
            _ => text.push_str("  rule   none\n"),
        }
        let who = words::who(visitor.as_ref());
        text.push_str(&format!(
            "  {who}: {}\n",
            words::outcome(outcome, reason, rule, visitor.as_ref())
        ));
        output::say(&text)?;
    }
    Ok(match outcome {
        Outcome::Allowed => ExitCode::SUCCESS,
        Outcome::SignIn | Outcome::StepUp | Outcome::Refused => ExitCode::FAILURE,
    })
}

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Allowed,
    SignIn,
    StepUp,
    Refused,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::SignIn => "sign_in",
            Outcome::StepUp => "step_up",
            Outcome::Refused => "refused",
        }
    }
}

fn decide(file: &RulesFile, rule: &Rule, visitor: Option<&Visitor<'_>>) -> (Outcome, &'static str) {
    let now = time::OffsetDateTime::now_utc();
    match (&rule.allow, visitor) {
        (Allow::Public, _) => (Outcome::Allowed, ""),
        (Allow::Nobody, _) => (Outcome::Refused, "not_allowed"),
        (_, None) => (Outcome::SignIn, ""),
        (_, Some(visitor)) => match judge(rule, visitor, file.user_name, now) {
            Ok(None) => (Outcome::Allowed, ""),
            Ok(Some(unmet)) => (Outcome::StepUp, unmet.reason()),
            Err(refusal) => (Outcome::Refused, refusal.reason()),
        },
    }
}
