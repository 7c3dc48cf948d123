//! Rules that no request can reach, since an earlier one always fits first.

use std::collections::HashMap;

use super::Rule;
use super::pattern::{HostPattern, PathPattern};

/// For each hidden rule, the rule that hides it: index and index.
pub fn hidden(rules: &[Rule]) -> Vec<(usize, usize)> {
    let mut earlier: HashMap<&HostPattern, Vec<usize>> = HashMap::new();
    let mut hidden = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        // A rule that hides this one has each of its hosts, so the first one too.
        let hides = rule.hosts.first().and_then(|host| {
            let parent = host.parent();
            let with_host = [Some(host), parent.as_ref()].into_iter().flatten();
            let mut candidates = with_host.filter_map(|host| earlier.get(host)).flatten();
            candidates
                .find(|candidate| rules[**candidate].covers(rule))
                .copied()
        });
        hidden.extend(hides.map(|hides| (index, hides)));
        for host in &rule.hosts {
            earlier.entry(host).or_default().push(index);
        }
    }
    hidden
}

impl Rule {
    /// Whether it fits each request that `other` fits.
    fn covers(&self, other: &Rule) -> bool {
        all_covered(&self.hosts, &other.hosts, |mine, theirs| {
            mine.covers(theirs)
        }) && self.covers_paths(other)
            && (self.methods.is_empty()
                || !other.methods.is_empty()
                    && other.methods.iter().all(|method| self.fits_method(method)))
            && (self.networks.is_empty()
                || !other.networks.is_empty()
                    && all_covered(&self.networks, &other.networks, |mine, theirs| {
                        mine.contains(theirs)
                    }))
    }

    fn covers_paths(&self, other: &Rule) -> bool {
        let fits_all = self.paths.is_empty() || self.paths.iter().any(PathPattern::fits_all);
        fits_all
            || !other.paths.is_empty()
                && all_covered(&self.paths, &other.paths, |mine, theirs| {
                    mine.covers(theirs)
                })
    }
}

fn all_covered<T>(mine: &[T], theirs: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
    theirs
        .iter()
        .all(|theirs| mine.iter().any(|mine| covers(mine, theirs)))
}
