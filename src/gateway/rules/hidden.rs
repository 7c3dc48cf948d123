//! Rules that no request can reach, since an earlier one always fits first.

use std::collections::{BTreeSet, HashMap};

use ipnet::IpNet;

use super::Rule;
use super::path_index::PathIndex;
use super::pattern::HostPattern;

/// For each hidden rule, the first rule that hides it: index and index.
pub fn hidden(rules: &[Rule]) -> Vec<(usize, usize)> {
    let mut earlier = Earlier::default();
    let mut hidden = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        hidden.extend(earlier.covering(rule).map(|hides| (index, hides)));
        earlier.insert(index, rule);
    }
    hidden
}

/// The rules so far, by each thing that they select by. A file has thousands of rules, and a rule thousands of hosts or
/// paths: comparing each with each would take minutes.
#[derive(Default)]
struct Earlier<'r> {
    by_host: HashMap<&'r HostPattern, Vec<usize>>,
    by_path: PathIndex,
    by_method: HashMap<&'r str, Vec<usize>>,
    of_all_methods: Vec<usize>,
    by_network: HashMap<IpNet, Vec<usize>>,
    of_all_networks: Vec<usize>,
    /// The lengths of the prefixes of `by_network`.
    prefix_lens: BTreeSet<u8>,
    /// How often a rule was looked for in a list: a test watches it.
    looked: usize,
}

/// The rules that fit a host, path, method or network whole, in several lists, each in order.
struct Covering<'e> {
    count: usize,
    lists: Vec<&'e [usize]>,
}

impl<'e> Covering<'e> {
    fn of(lists: impl IntoIterator<Item = &'e [usize]>) -> Covering<'e> {
        let lists: Vec<_> = lists.into_iter().collect();
        Covering {
            count: lists.iter().map(|list| list.len()).sum(),
            lists,
        }
    }

    fn contains(&self, rule: usize) -> bool {
        let mut lists = self.lists.iter();
        lists.any(|list| list.binary_search(&rule).is_ok())
    }
}

impl<'r> Earlier<'r> {
    fn insert(&mut self, index: usize, rule: &'r Rule) {
        for host in &rule.hosts {
            self.by_host.entry(host).or_default().push(index);
        }
        self.by_path.insert(index, &rule.paths, false);
        for method in &rule.methods {
            self.by_method.entry(method).or_default().push(index);
        }
        if rule.methods.is_empty() {
            self.of_all_methods.push(index);
        }
        for network in &rule.networks {
            let rules = self.by_network.entry(network.trunc()).or_default();
            rules.push(index);
            self.prefix_lens.insert(network.prefix_len());
        }
        if rule.networks.is_empty() {
            self.of_all_networks.push(index);
        }
    }

    /// The first rule that fits each request that `rule` fits: it fits each of its hosts, paths, methods and networks.
    fn covering(&mut self, rule: &Rule) -> Option<usize> {
        let mut all = self.of_each_part(rule);
        // The fewest first, and most often there are none.
        all.sort_by_key(|covering| covering.count);
        let (fewest, others) = all.split_first()?;
        let mut rules = fewest.lists.concat();
        let mut looked = 0;
        for covering in others {
            looked += rules.len();
            rules.retain(|rule| covering.contains(*rule));
            if rules.is_empty() {
                break;
            }
        }
        self.looked += looked;
        rules.into_iter().min()
    }

    fn of_each_part(&self, rule: &Rule) -> Vec<Covering<'_>> {
        let hosts = rule.hosts.iter().map(|host| self.covering_host(host));
        let paths = rule.paths.iter().map(|path| {
            let mut lists = Vec::new();
            self.by_path.covering(path, |rules| lists.push(rules));
            Covering::of(lists)
        });
        // Each method stands for itself: a rule can't have HEAD.
        let methods = rule.methods.iter().map(|method| {
            let own = self.by_method.get(method.as_str()).map(Vec::as_slice);
            Covering::of(own.into_iter().chain([&self.of_all_methods[..]]))
        });
        let networks = rule.networks.iter();
        let networks = networks.map(|network| self.covering_network(network));
        let mut all: Vec<_> = hosts.chain(paths).chain(methods).chain(networks).collect();
        for (is_for_all, rules) in [
            (rule.paths.is_empty(), self.by_path.covering_all()),
            (rule.methods.is_empty(), &self.of_all_methods),
            (rule.networks.is_empty(), &self.of_all_networks),
        ] {
            all.extend(is_for_all.then(|| Covering::of([rules])));
        }
        all
    }

    fn covering_host(&self, host: &HostPattern) -> Covering<'_> {
        let parent = host.parent();
        let patterns = [Some(host), parent.as_ref()].into_iter().flatten();
        Covering::of(patterns.filter_map(|it| self.by_host.get(it).map(Vec::as_slice)))
    }

    fn covering_network(&self, network: &IpNet) -> Covering<'_> {
        let wider = self.prefix_lens.range(..=network.prefix_len());
        let wider = wider.filter_map(|len| {
            let wider = IpNet::new(network.addr(), *len).ok()?.trunc();
            self.by_network.get(&wider).map(Vec::as_slice)
        });
        Covering::of(wider.chain([&self.of_all_networks[..]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::rules::Rules;

    /// How many rules are looked at for each rule of the file, when thousands share one host.
    fn looked_for_each(rule: impl Fn(usize) -> String) -> usize {
        const COUNT: usize = 2_000;
        let text: String = (0..COUNT)
            .map(|at| format!("[[rule]]\nname='{at}'\nallow='public'\n{}\n", rule(at)))
            .collect();
        let rules = Rules::parse(&text).unwrap_or_else(|faults| panic!("{:?}", faults[0]));
        let mut earlier = Earlier::default();
        for (index, rule) in rules.all().iter().enumerate() {
            assert_eq!(earlier.covering(rule), None);
            earlier.insert(index, rule);
        }
        earlier.looked / COUNT
    }

    /// A method for each number.
    fn method(at: usize) -> String {
        let letter = |place: usize| char::from(b"ABCDEFGHIJKLMNOP"[at >> place & 15]);
        ['M', letter(8), letter(4), letter(0)].iter().collect()
    }

    #[test]
    fn thousands_of_rules_of_one_host_are_not_compared_with_each_other() {
        type Part = fn(usize) -> String;
        let parts: [(usize, Part); 6] = [
            (0, |at| format!("paths=['/p{at}']")),
            (1, |at| format!("paths=['/api/*/{at}/x', '/api/{at}']")),
            (0, |at| {
                format!("networks=['10.{}.{}.0/24']", at / 250, at % 250)
            }),
            (1, |at| {
                format!("networks=['2001:db8:{at:x}::/48', '10.0.0.0/8']")
            }),
            (1, |at| format!("methods=['GET', '{}']", method(at))),
            // The rarest of these is shared by one in thirteen.
            (200, |at| {
                let (one, two, three) = (method(at % 13), at / 13 % 13, at / 169);
                format!("methods=['{one}']\npaths=['/{two}']\nnetworks=['10.0.{three}.0/24']")
            }),
        ];
        for (most, part) in parts {
            let looked = looked_for_each(|at| format!("hosts=['a.test']\n{}", part(at)));
            assert!(looked <= most, "{}: {looked}", part(7));
        }
        let looked = looked_for_each(|at| format!("hosts=['all.example', 'h{at}.example']"));
        assert_eq!(looked, 0);
    }
}
