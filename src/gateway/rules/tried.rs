//! What the indexes find, said plainly and slowly: tests and fuzz targets compare.

use super::pattern::{HostPattern, PathPattern};
use super::{Rule, Rules, Selected};
use crate::gateway::original_request::{OriginalRequest, overriding_method};
use crate::gateway::path::{ignoring_case, readings};

impl PathPattern {
    /// Whether it fits this path.
    pub fn fits(&self, path: &[u8]) -> bool {
        self.leads_to(&path.split(|byte| *byte == b'/').collect::<Vec<_>>(), true)
    }

    /// Whether it fits each path that `other` fits.
    pub fn covers(&self, other: &PathPattern) -> bool {
        let segments: Vec<&[u8]> = other.text().split('/').map(str::as_bytes).collect();
        self.leads_to(&segments, other.is_exact())
    }

    fn leads_to(&self, segments: &[&[u8]], is_one_path: bool) -> bool {
        let own: Vec<&str> = self.text().split('/').collect();
        let is_at_its_end = is_one_path && own.len() == segments.len();
        let mut pairs = own.iter().zip(segments);
        own.len() <= segments.len()
            && (!self.is_exact() || is_at_its_end)
            && pairs.all(|(own, segment)| {
                own.as_bytes() == *segment || *own == "*" && !segment.is_empty()
            })
    }

    fn in_lower_case(&self) -> PathPattern {
        let lower = self.to_string().to_ascii_lowercase();
        PathPattern::parse(&lower).expect("case makes no pattern wrong")
    }
}

impl Rule {
    /// Whether its place fits a request of a client whose address is not known.
    pub fn fits(&self, host: &str, method: &str, path: &[u8]) -> bool {
        let fits_host = |pattern: &HostPattern| match pattern {
            HostPattern::Host(own) => own == host,
            HostPattern::BelowParent(own) => host
                .split_once('.')
                .is_some_and(|(_, parent)| parent == own),
        };
        let fits_method = |own: &String| own == method || own == "GET" && method == "HEAD";
        self.hosts.iter().any(fits_host)
            && (self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.fits(path)))
            && (self.methods.is_empty() || self.methods.iter().any(fits_method))
            && self.networks.is_empty()
    }
}

impl Rules {
    /// Selects the rule for `request`, and gives its number; nothing if the request is ambiguous.
    ///
    /// # Panics
    /// An app could read the request in a way that leads to another rule.
    pub fn select_and_try(&self, request: &OriginalRequest<'_>) -> Option<Option<usize>> {
        let number = match self.select(request, None) {
            Selected::Ambiguous => return None,
            Selected::NoRule => None,
            Selected::Rule(rule) => self.rules.iter().position(|it| std::ptr::eq(it, rule)),
        };
        let path = request.target.path.as_ref();
        let mut paths = vec![path.as_bytes().to_vec()];
        paths.extend(readings(path).into_iter().flatten());
        // Browsers, and servers that read as they do.
        let url = url::Url::parse(&format!("http://a.test{path}"));
        paths.extend(url.map(|url| url.path().as_bytes().to_vec()));
        let overrides = request.method_overrides.iter();
        let overrides = overrides.filter_map(|value| overriding_method(value));
        let methods = Vec::from_iter(std::iter::once(request.method.into()).chain(overrides));
        let first = |rules: &[Rule], method: &str, path: &[u8]| {
            let host = request.host.as_str();
            rules.iter().position(|rule| rule.fits(host, method, path))
        };
        let mut lower = self.rules.clone();
        for pattern in lower.iter_mut().flat_map(|rule| &mut rule.paths) {
            *pattern = pattern.in_lower_case();
        }
        for (path, method) in paths
            .iter()
            .flat_map(|path| methods.iter().map(move |it| (path, it)))
        {
            for found in [
                first(&self.rules, method, path),
                first(&lower, method, &ignoring_case(path)),
            ] {
                let read = String::from_utf8_lossy(path);
                assert_eq!(
                    found,
                    number,
                    "{} is read as {method} {read}",
                    request.url()
                );
            }
        }
        Some(number)
    }
}
