//! Reads `RULES_FILE`, TOML, and names all its faults at once.

mod access;
mod reader;
mod values;

use std::collections::HashMap;
use std::fmt;

use toml::de::DeTable;

use super::Rule;
use super::hidden::hidden;
use super::pattern::{HostPattern, PathPattern};
use crate::duration;
use reader::{Keys, Reader};

/// The largest file, in bytes.
const FILE_LIMIT: usize = 1 << 20;

/// The most rules.
const RULE_LIMIT: usize = 10_000;

/// How many characters the values of `acr` may have together: they are sent to the provider, and to programs in a header.
const ACR_LIMIT: usize = 300;

/// The longest name, in characters.
const NAME_LIMIT: usize = 100;

const KEYS: [&str; 13] = [
    "name",
    "hosts",
    "paths",
    "methods",
    "networks",
    "allow",
    "groups",
    "emails",
    "email_domains",
    "subjects",
    "max_age",
    "acr",
    "cors_origins",
];

/// A fault in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

/// The rules of the file.
pub fn parse(text: &str) -> Result<Vec<Rule>, Vec<FileFault>> {
    let mut reader = Reader {
        line_ends: text.match_indices('\n').map(|(at, _)| at).collect(),
        faults: Vec::new(),
    };
    if text.len() > FILE_LIMIT {
        reader.fault(0..0, format!("the file is larger than {FILE_LIMIT} bytes"));
        return Err(reader.faults);
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reader.fault(error.span().unwrap_or(0..0), error.message());
    }
    let rules = match reader.faults.is_empty() {
        true => reader.document(document.get_ref()),
        // What follows would only repeat what is wrong with the syntax.
        false => Vec::new(),
    };
    reader.faults.sort_by_key(|fault| fault.line);
    match reader.faults.is_empty() {
        true => Ok(rules),
        false => Err(reader.faults),
    }
}

impl Reader {
    fn document(&mut self, document: &DeTable<'_>) -> Vec<Rule> {
        for (key, _) in document {
            if key.get_ref() != "rule" {
                let fault = format!(
                    "{} is not known here; each rule begins with [[rule]]",
                    key.get_ref()
                );
                self.fault(key.span(), fault);
            }
        }
        let Some(entries) = document.get("rule") else {
            if self.faults.is_empty() {
                self.fault(
                    0..0,
                    "there is no rule, so nobody gets in anywhere; a rule begins with [[rule]]",
                );
            }
            return Vec::new();
        };
        let Some(tables) = entries.get_ref().as_array() else {
            self.fault(
                entries.span(),
                "a rule begins with [[rule]], in double brackets",
            );
            return Vec::new();
        };
        if tables.len() > RULE_LIMIT {
            self.fault(
                entries.span(),
                format!("there are more than {RULE_LIMIT} rules"),
            );
            return Vec::new();
        }
        let mut rules = Vec::new();
        for entry in tables.iter() {
            match entry.get_ref().as_table() {
                Some(table) => rules.push(self.rule(&Keys {
                    table,
                    span: entry.span(),
                })),
                None => self.fault(
                    entry.span(),
                    "a rule begins with [[rule]], in double brackets",
                ),
            }
        }
        self.repeated_names(&rules);
        if self.faults.is_empty() {
            self.hidden_rules(&rules);
        }
        rules
    }

    fn repeated_names(&mut self, rules: &[Rule]) {
        let mut lines: HashMap<&str, usize> = HashMap::new();
        for rule in rules {
            let other = lines.insert(&rule.name, rule.line);
            if let Some(line) = other.filter(|_| !rule.name.is_empty()) {
                let fault = format!("the rule on line {line} is called \"{}\" too", rule.name);
                self.faults.push(FileFault {
                    line: rule.line,
                    fault,
                });
            }
        }
    }

    fn hidden_rules(&mut self, rules: &[Rule]) {
        for (later, earlier) in hidden(rules) {
            let (later, earlier) = (&rules[later], &rules[earlier]);
            let fault = format!(
                "no request reaches \"{}\": \"{}\" on line {} always fits first; move it further up, or remove it",
                later.name, earlier.name, earlier.line
            );
            self.faults.push(FileFault {
                line: later.line,
                fault,
            });
        }
    }

    fn rule(&mut self, keys: &Keys<'_, '_>) -> Rule {
        for (key, _) in keys.table {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                let fault = format!(
                    "{} is not known; known are {}",
                    key.get_ref(),
                    KEYS.join(", ")
                );
                self.fault(key.span(), fault);
            }
        }
        let hosts = self.parsed(keys, "hosts", HostPattern::parse);
        if keys.get("hosts").is_none() {
            self.fault(
                keys.span.clone(),
                "a rule needs hosts, such as hosts = [\"app.example.com\"]",
            );
        }
        Rule {
            line: self.line(&keys.span),
            name: self.name(keys),
            hosts,
            paths: self.parsed(keys, "paths", PathPattern::parse),
            methods: self.parsed(keys, "methods", values::method),
            networks: self.parsed(keys, "networks", values::network),
            allow: self.allow(keys),
            max_age: self.max_age(keys),
            acr: self.acr(keys),
            cors_origins: self.parsed(keys, "cors_origins", values::origin),
        }
    }

    fn name(&mut self, keys: &Keys<'_, '_>) -> String {
        let name = self.text(keys, "name");
        if keys.get("name").is_none() {
            self.fault(
                keys.span.clone(),
                "a rule needs a name, such as name = \"wiki\"",
            );
        }
        let is_name = |name: &str| {
            !name.trim().is_empty()
                && name.chars().count() <= NAME_LIMIT
                && !name.chars().any(char::is_control)
        };
        if name.as_deref().is_some_and(|name| !is_name(name)) {
            let fault = format!(
                "the name is empty, longer than {NAME_LIMIT} characters, or has control characters"
            );
            self.fault(keys.span("name"), fault);
        }
        name.unwrap_or_default()
    }

    fn acr(&mut self, keys: &Keys<'_, '_>) -> Vec<String> {
        let acr = self.parsed(keys, "acr", values::acr);
        if acr.join(" ").len() > ACR_LIMIT {
            let fault = format!("acr has more than {ACR_LIMIT} characters together");
            self.fault(keys.span("acr"), fault);
        }
        acr
    }

    fn max_age(&mut self, keys: &Keys<'_, '_>) -> Option<std::time::Duration> {
        match duration::parse(self.text(keys, "max_age")?) {
            Ok(max_age) => Some(max_age),
            Err(fault) => {
                self.fault(keys.span("max_age"), format!("max_age {fault}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
