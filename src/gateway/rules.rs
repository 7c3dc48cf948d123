//! Rules: the first one whose place fits a request decides about it. If none fits, nobody gets in.

mod file;
mod hidden;
mod path_index;
pub mod pattern;
pub mod people;
mod select;
#[cfg(test)]
mod tests;
#[cfg(any(test, fuzzing))]
mod tried;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

pub use file::FileFault;
use path_index::PathIndex;
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
    by_host: HashMap<String, Arc<Candidates>>,
    /// By what follows the first label, for `*.example.com`.
    by_parent: HashMap<String, Arc<Candidates>>,
}

/// The rules with a pattern of a host. Patterns with the same rules share them.
#[derive(Debug)]
struct Candidates {
    /// Them by their paths.
    paths: PathIndex,
    /// The same in lower case, if a path has capitals: an app that ignores case could read another one.
    lower_paths: Option<PathIndex>,
    /// Whether a rule depends on the path.
    by_path: bool,
    /// Whether a rule depends on the method.
    by_method: bool,
}

impl Candidates {
    fn of(indices: &[usize], rules: &[Rule]) -> Candidates {
        let of_these = || indices.iter().map(|index| &rules[*index]);
        let paths = |lowers| {
            let paths = indices
                .iter()
                .map(|index| (*index, &rules[*index].paths[..]));
            PathIndex::of(paths, lowers)
        };
        let mut patterns = of_these().flat_map(|rule| &rule.paths);
        let has_capitals = patterns.any(PathPattern::has_capitals);
        Candidates {
            paths: paths(false),
            lower_paths: has_capitals.then(|| paths(true)),
            by_path: of_these().any(|rule| !rule.paths.is_empty()),
            by_method: of_these().any(|rule| !rule.methods.is_empty()),
        }
    }
}

/// The rules for a host: those that name it, and those for all hosts below its parent.
#[derive(Clone, Copy)]
struct OfHost<'r>([Option<&'r Candidates>; 2]);

impl<'r> OfHost<'r> {
    fn all(self) -> impl Iterator<Item = &'r Candidates> {
        self.0.into_iter().flatten()
    }

    fn by_path(self) -> bool {
        self.all().any(|candidates| candidates.by_path)
    }

    fn by_method(self) -> bool {
        self.all().any(|candidates| candidates.by_method)
    }

    fn has_capitals(self) -> bool {
        self.all()
            .any(|candidates| candidates.lower_paths.is_some())
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
                let of_host = indices.entry(host).or_default();
                if of_host.last() != Some(&index) {
                    of_host.push(index);
                }
            }
        }
        let mut shared: HashMap<Vec<usize>, Arc<Candidates>> = HashMap::new();
        let (mut by_host, mut by_parent) = (HashMap::new(), HashMap::new());
        for (pattern, indices) in indices {
            let candidates = shared
                .entry(indices)
                .or_insert_with_key(|indices| Arc::new(Candidates::of(indices, &rules)))
                .clone();
            match pattern {
                HostPattern::BelowParent(parent) => by_parent.insert(parent.clone(), candidates),
                HostPattern::Host(host) => by_host.insert(host.clone(), candidates),
            };
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
        self.of_host(host).all().next().is_some()
    }

    fn of_host(&self, host: &str) -> OfHost<'_> {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        let of_parent = parent.and_then(|parent| self.by_parent.get(parent));
        let own = self.by_host.get(host);
        OfHost([own, of_parent].map(|candidates| candidates.map(|it| &**it)))
    }
}
