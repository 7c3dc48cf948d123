//! What `doorward rules test` says.

use super::Outcome;
use crate::gateway::rules::people::People;
use crate::gateway::rules::{Allow, Rule};
use crate::gateway::visitor::Visitor;

/// How many readings a path has.
pub fn readings(count: usize, reason: &str) -> String {
    match (count, reason) {
        (0, _) => "encoded too often to be read".to_owned(),
        (1, "ambiguous_path") => {
            "its method can be overridden, which leads to another rule".to_owned()
        }
        (1, _) => "one reading".to_owned(),
        (count, "ambiguous_path") => format!("{count} readings, which lead to different rules"),
        (count, _) => format!("{count} readings, all the same rule"),
    }
}

/// What a rule demands of a person.
pub fn demands(rule: &Rule) -> String {
    let mut demands = vec![match &rule.allow {
        Allow::Public => "everybody".to_owned(),
        Allow::SignedIn => "whoever is signed in".to_owned(),
        Allow::Nobody => "nobody".to_owned(),
        Allow::People(people) => {
            let named = named(people).map(|(key, names)| format!("{key} {}", names.join(", ")));
            named.collect::<Vec<_>>().join(" or ")
        }
    }];
    if let Some(max_age) = rule.max_age {
        demands.push(format!("signed in within {}", in_words(max_age.as_secs())));
    }
    if !rule.acr.is_empty() {
        demands.push(format!("acr {}", rule.acr.join(" or ")));
    }
    demands.join("; ")
}

fn named(people: &People) -> impl Iterator<Item = (&'static str, Vec<&str>)> {
    let People {
        groups,
        emails,
        email_domains,
        subjects,
    } = people;
    let named = [
        ("groups", groups),
        ("emails", emails),
        ("email_domains", email_domains),
        ("subjects", subjects),
    ];
    named
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(key, names)| {
            let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
            names.sort_unstable();
            (key, names)
        })
}

fn in_words(secs: u64) -> String {
    match secs {
        secs if secs % 86_400 == 0 => format!("{}d", secs / 86_400),
        secs if secs % 3600 == 0 => format!("{}h", secs / 3600),
        secs if secs % 60 == 0 => format!("{}m", secs / 60),
        secs => format!("{secs}s"),
    }
}

/// Who asks.
pub fn who(visitor: Option<&Visitor<'_>>) -> String {
    match visitor {
        None => "somebody who is not signed in".to_owned(),
        Some(Visitor {
            email: Some(email), ..
        }) => (*email).to_owned(),
        Some(Visitor { subject: "-", .. }) => "somebody".to_owned(),
        Some(visitor) => visitor.subject.to_owned(),
    }
}

/// What becomes of the request, and why.
pub fn outcome(
    outcome: Outcome,
    reason: &str,
    rule: Option<&Rule>,
    visitor: Option<&Visitor<'_>>,
) -> String {
    match outcome {
        Outcome::Allowed => return "allowed.".to_owned(),
        Outcome::SignIn => return "must sign in first.".to_owned(),
        Outcome::StepUp => return format!("must sign in again: {}", unmet(reason)),
        Outcome::Refused => (),
    }
    let why = match reason {
        "no_rule" => "no rule's place fits.".to_owned(),
        "ambiguous_path" => {
            "apps could read the address in ways that lead to different rules.".to_owned()
        }
        "email_not_verified" => {
            "the email would fit, but the provider has not verified it.".to_owned()
        }
        "no_user_name" => {
            "what GATEWAY_USER names is missing, or no header can hold it.".to_owned()
        }
        _ => match (rule.map(|rule| &rule.allow), visitor) {
            (Some(Allow::People(people)), Some(visitor)) if !people.groups.is_empty() => {
                let own = match visitor.groups {
                    [] => "In no groups".to_owned(),
                    groups => format!("In groups {}", groups.join(", ")),
                };
                let mut wanted: Vec<&str> = people.groups.iter().map(String::as_str).collect();
                wanted.sort_unstable();
                format!("{own}; none of {}.", wanted.join(", "))
            }
            (Some(Allow::Nobody), _) => "the rule lets nobody in.".to_owned(),
            _ => "the rule does not name this person.".to_owned(),
        },
    };
    format!("refused. {why}")
}

/// What the sign-in lacks.
fn unmet(reason: &str) -> &'static str {
    match reason {
        "acr" => "the sign-in has another acr, or none (--acr).",
        _ => "the sign-in is too long ago, or its time is not known (--signed-in-ago).",
    }
}
