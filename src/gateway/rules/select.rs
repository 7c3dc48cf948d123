//! Which rule a request leads to.

use std::net::IpAddr;

use ipnet::IpNet;

use super::pattern::PathPattern;
use super::{Candidates, Rule, Rules};
use crate::gateway::original_request::{OriginalRequest, overriding_method};
use crate::gateway::path::{ignoring_case, is_plain, readings};

/// Which rule a request leads to.
#[derive(Clone, Copy, Debug)]
pub enum Selected<'a> {
    /// This one.
    Rule(&'a Rule),
    /// None.
    NoRule,
    /// Its path or method can be read in several ways, which lead to different rules.
    Ambiguous,
}

impl Rules {
    /// The rule for a request of `client`, whose address may be unknown. An app that reads the path or the method in another
    /// way than we do would be at the same rule, or the result is [`Selected::Ambiguous`].
    pub fn select(&self, request: &OriginalRequest<'_>, client: Option<IpAddr>) -> Selected<'_> {
        self.select_as(request, request.method, client)
    }

    /// The rule for the request that a preflight announces.
    pub fn select_as(
        &self,
        request: &OriginalRequest<'_>,
        method: &str,
        client: Option<IpAddr>,
    ) -> Selected<'_> {
        let Some(candidates) = self.of_host(request.host.as_str()) else {
            return Selected::NoRule;
        };
        let path = request.target.path.as_bytes();
        let first = self.first(candidates, method, path, client);
        let is_only_reading = (!candidates.by_path || is_plain(path) && !candidates.has_capitals)
            && (!candidates.by_method || request.method_overrides.is_empty());
        let is_unambiguous =
            is_only_reading || self.all_lead_to(first, candidates, request, method, client);
        match first {
            _ if !is_unambiguous => Selected::Ambiguous,
            Some(index) => Selected::Rule(&self.rules[index]),
            None => Selected::NoRule,
        }
    }

    /// Whether all readings of path and method lead to `expected`.
    fn all_lead_to(
        &self,
        expected: Option<usize>,
        candidates: &Candidates,
        request: &OriginalRequest<'_>,
        method: &str,
        client: Option<IpAddr>,
    ) -> bool {
        let overrides: Option<Vec<_>> = match candidates.by_method {
            true => request
                .method_overrides
                .iter()
                .map(|value| overriding_method(value))
                .collect(),
            false => Some(Vec::new()),
        };
        let paths = match candidates.by_path {
            true => readings(&request.target.path),
            false => Some(vec![request.target.path.as_bytes().to_vec()]),
        };
        let (Some(overrides), Some(paths)) = (overrides, paths) else {
            return false;
        };
        let methods = || std::iter::once(method).chain(overrides.iter().map(|method| &**method));
        paths.iter().all(|path| {
            let lower = ignoring_case(path);
            methods().all(|method| {
                self.first(candidates, method, path, client) == expected
                    && self.first_ignoring_case(candidates, method, &lower, client) == expected
            })
        })
    }

    fn first(
        &self,
        candidates: &Candidates,
        method: &str,
        path: &[u8],
        client: Option<IpAddr>,
    ) -> Option<usize> {
        let mut indices = candidates.rules.iter().copied();
        indices.find(|index| {
            let rule = &self.rules[*index];
            rule.fits_method(method)
                && rule.fits_client(client)
                && (rule.paths.is_empty() || rule.paths.iter().any(|pattern| pattern.fits(path)))
        })
    }

    /// The same with the patterns in lower case.
    fn first_ignoring_case(
        &self,
        candidates: &Candidates,
        method: &str,
        lower_path: &[u8],
        client: Option<IpAddr>,
    ) -> Option<usize> {
        let mut indices = candidates.rules.iter().copied();
        indices.find(|index| {
            let rule = &self.rules[*index];
            let fits = |pattern: &PathPattern| pattern.fits_lower(lower_path);
            rule.fits_method(method)
                && rule.fits_client(client)
                && (rule.paths.is_empty() || rule.paths.iter().any(fits))
        })
    }
}

impl Rule {
    /// Whether it is for this method.
    pub(super) fn fits_method(&self, method: &str) -> bool {
        let is_it = |of_rule: &String| of_rule == method || of_rule == "GET" && method == "HEAD";
        self.methods.is_empty() || self.methods.iter().any(is_it)
    }

    fn fits_client(&self, client: Option<IpAddr>) -> bool {
        let contains = |network: &IpNet| client.is_some_and(|client| network.contains(&client));
        self.networks.is_empty() || self.networks.iter().any(contains)
    }
}
