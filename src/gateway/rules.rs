//! Rules: the first one whose place fits a request decides about it. If none fits, nobody gets in.

mod file;
mod hidden;
pub mod pattern;
pub mod people;
mod select;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use ipnet::IpNet;

pub use file::FileFault;
use pattern::{HostPattern, PathPattern};
use people::People;
pub use select::Selected;

/// A rule: a place, and who may enter it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in logs and on pages.
    pub name: String,
    /// The line of the file on which it begins, from 1.
    pub line: usize,
    /// The hosts: at least one.
    pub hosts: Vec<HostPattern>,
    /// The paths; if empty, all.
    pub paths: Vec<PathPattern>,
    /// The methods; if empty, all. `GET` means `HEAD` too.
    pub methods: Vec<String>,
    /// The networks of clients; if empty, all.
    pub networks: Vec<IpNet>,
    /// Who may enter.
    pub allow: Allow,
    /// How long ago the person may have signed in at the provider (`auth_time`).
    pub max_age: Option<Duration>,
    /// One of these must be the `acr` of the sign-in; if empty, any.
    pub acr: Vec<String>,
    /// The origins whose preflights pass (Fetch, 4.8).
    pub cors_origins: Vec<String>,
}

/// Who may enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Everybody, signed in or not.
    Public,
    /// Everybody who is signed in.
    SignedIn,
    /// Nobody.
    Nobody,
    /// These people.
    People(People),
}

/// The rules, in the order of the file.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    by_host: HashMap<String, Candidates>,
    /// By what follows the first label, for `*.example.com`.
    by_parent: HashMap<String, Candidates>,
}

/// The rules for a host, in order.
#[derive(Clone, Debug, Default)]
struct Candidates {
    rules: Vec<usize>,
    /// Whether a rule depends on the path.
    by_path: bool,
    /// Whether a path of a rule has capitals, so that an app that ignores case could read another one.
    has_capitals: bool,
    /// Whether a rule depends on the method.
    by_method: bool,
}

impl Candidates {
    fn of(mut indices: Vec<usize>, rules: &[Rule]) -> Candidates {
        indices.dedup();
        let of_these = || indices.iter().map(|index| &rules[*index]);
        let mut paths = of_these().flat_map(|rule| &rule.paths);
        Candidates {
            by_path: of_these().any(|rule| !rule.paths.is_empty()),
            by_method: of_these().any(|rule| !rule.methods.is_empty()),
            has_capitals: paths.any(PathPattern::has_capitals),
            rules: indices,
        }
    }
}

impl Rules {
    /// Reads the content of `RULES_FILE`.
    ///
    /// # Errors
    /// All faults of the file, in order.
    pub fn parse(text: &str) -> Result<Rules, Vec<FileFault>> {
        file::parse(text).map(Rules::new)
    }

    fn new(rules: Vec<Rule>) -> Rules {
        let mut indices: HashMap<&HostPattern, Vec<usize>> = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            for host in &rule.hosts {
                indices.entry(host).or_default().push(index);
            }
        }
        let mut by_host = HashMap::new();
        let mut by_parent = HashMap::new();
        for (pattern, own) in &indices {
            match pattern {
                HostPattern::BelowParent(parent) => {
                    by_parent.insert(parent.clone(), Candidates::of(own.clone(), &rules));
                }
                HostPattern::Host(host) => {
                    let of_parent = pattern.parent().and_then(|parent| indices.get(&parent));
                    let mut all = [&own[..], of_parent.map_or(&[][..], |all| all)].concat();
                    all.sort_unstable();
                    by_host.insert(host.clone(), Candidates::of(all, &rules));
                }
            }
        }
        Rules {
            rules,
            by_host,
            by_parent,
        }
    }

    /// All rules, in order.
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether some rule names this host.
    pub fn knows_host(&self, host: &str) -> bool {
        self.of_host(host).is_some()
    }

    fn of_host(&self, host: &str) -> Option<&Candidates> {
        let below_parent = || self.by_parent.get(host.split_once('.')?.1);
        self.by_host.get(host).or_else(below_parent)
    }
}
