//! Which rule a request leads to.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{OfHost, Rule, Rules};
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
        let of_host = self.of_host(request.host.as_str());
        let path = request.target.path.as_bytes();
        let first = self.first(of_host, method, path, client, false);
        let is_only_reading = (!of_host.by_path() || is_plain(path) && !of_host.has_capitals())
            && (!of_host.by_method() || request.method_overrides.is_empty());
        let is_unambiguous =
            is_only_reading || self.all_lead_to(first, of_host, request, method, client);
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
        of_host: OfHost<'_>,
        request: &OriginalRequest<'_>,
        method: &str,
        client: Option<IpAddr>,
    ) -> bool {
        let overrides: Option<Vec<_>> = match of_host.by_method() {
            true => request
                .method_overrides
                .iter()
                .map(|value| overriding_method(value))
                .collect(),
            false => Some(Vec::new()),
        };
        let paths = match of_host.by_path() {
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
                self.first(of_host, method, path, client, false) == expected
                    && self.first(of_host, method, &lower, client, true) == expected
            })
        })
    }

    /// The first rule for such a request. With `ignores_case`, the path is in lower case, and the patterns are read so too.
    fn first(
        &self,
        of_host: OfHost<'_>,
        method: &str,
        path: &[u8],
        client: Option<IpAddr>,
        ignores_case: bool,
    ) -> Option<usize> {
        let mut first = None;
        for candidates in of_host.all() {
            let paths = match &candidates.lower_paths {
                Some(lower) if ignores_case => lower,
                _ => &candidates.paths,
            };
            paths.fitting(path, |rules| {
                let earlier = |index: &&usize| first.is_none_or(|first| **index < first);
                let mut earlier = rules.iter().take_while(earlier);
                let fits = |index: &&usize| {
                    let rule = &self.rules[**index];
                    rule.fits_method(method) && rule.fits_client(client)
                };
                first = earlier.find(fits).copied().or(first);
            });
        }
        first
    }
}

impl Rule {
    /// Whether it is for this method.
    fn fits_method(&self, method: &str) -> bool {
        let is_it = |of_rule: &String| of_rule == method || of_rule == "GET" && method == "HEAD";
        self.methods.is_empty() || self.methods.iter().any(is_it)
    }

    fn fits_client(&self, client: Option<IpAddr>) -> bool {
        let contains = |network: &IpNet| client.is_some_and(|client| network.contains(&client));
        self.networks.is_empty() || self.networks.iter().any(contains)
    }
}
