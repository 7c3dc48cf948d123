//! Finds the rules whose patterns fit a path without trying each pattern.

use std::collections::HashMap;

use super::pattern::PathPattern;

/// Patterns by their segments: a tree, whose nodes name each other by number.
#[derive(Debug)]
pub struct PathIndex {
    nodes: Vec<Node>,
}

/// The end of a pattern, or of a part of one.
#[derive(Debug, Default)]
struct Node {
    by_segment: HashMap<Box<[u8]>, usize>,
    /// The node behind a `*`.
    any_segment: Option<usize>,
    /// The rules with a pattern that ends here and fits what is below it too, in the order of their insertion.
    and_below: Vec<usize>,
    /// The rules with a pattern that ends here and fits this path alone.
    exactly: Vec<usize>,
}

impl Default for PathIndex {
    fn default() -> PathIndex {
        PathIndex {
            nodes: vec![Node::default()],
        }
    }
}

impl PathIndex {
    /// The patterns of these rules, whose numbers rise; a rule without a pattern fits all paths. With `lowers`, of the
    /// patterns in lower case.
    pub fn of<'p>(
        rules: impl Iterator<Item = (usize, &'p [PathPattern])>,
        lowers: bool,
    ) -> PathIndex {
        let mut index = PathIndex::default();
        for (rule, patterns) in rules {
            index.insert(rule, patterns, lowers);
        }
        index
    }

    /// Adds a rule.
    pub fn insert(&mut self, rule: usize, patterns: &[PathPattern], lowers: bool) {
        if patterns.is_empty() {
            self.nodes[0].and_below.push(rule);
        }
        for pattern in patterns {
            let end = self.node(if lowers {
                pattern.lower()
            } else {
                pattern.text()
            });
            match pattern.is_exact() {
                true => self.nodes[end].exactly.push(rule),
                false => self.nodes[end].and_below.push(rule),
            }
        }
    }

    fn node(&mut self, pattern: &str) -> usize {
        let mut node = 0;
        // Before the first slash is nothing.
        for segment in pattern.split('/').skip(1) {
            let new = self.nodes.len();
            let known = &mut self.nodes[node];
            node = match segment {
                "*" => *known.any_segment.get_or_insert(new),
                segment => *known
                    .by_segment
                    .entry(segment.as_bytes().into())
                    .or_insert(new),
            };
            if node == new {
                self.nodes.push(Node::default());
            }
        }
        node
    }

    /// Calls `found` with lists of rules: those with a pattern that fits `path`. Each list is in order.
    pub fn fitting<'i>(&'i self, path: &[u8], found: impl FnMut(&'i [usize])) {
        self.visit(path, true, found);
    }

    /// The same for the rules with a pattern that fits each path that `pattern` fits.
    pub fn covering<'i>(&'i self, pattern: &PathPattern, found: impl FnMut(&'i [usize])) {
        // The text of a pattern is a path that it fits, and whose `*` is fitted by nothing but a `*`.
        self.visit(pattern.text().as_bytes(), pattern.is_exact(), found);
    }

    /// The same for the rules that fit all paths.
    pub fn covering_all(&self) -> &[usize] {
        &self.nodes[0].and_below
    }

    fn visit<'i>(&'i self, path: &[u8], ends: bool, mut found: impl FnMut(&'i [usize])) {
        // Allocates only where both a segment and a `*` fit.
        let mut waiting = Vec::new();
        let mut next = Some((0, path));
        while let Some((node, rest)) = next.take().or_else(|| waiting.pop()) {
            let node = &self.nodes[node];
            if !node.and_below.is_empty() {
                found(&node.and_below);
            }
            let Some(rest) = rest.strip_prefix(b"/") else {
                if ends && !node.exactly.is_empty() {
                    found(&node.exactly);
                }
                continue;
            };
            if node.by_segment.is_empty() && node.any_segment.is_none() {
                continue;
            }
            let end = rest.iter().position(|byte| *byte == b'/');
            let (segment, rest) = rest.split_at(end.unwrap_or(rest.len()));
            let same = node.by_segment.get(segment).map(|node| (*node, rest));
            let any = node.any_segment.filter(|_| !segment.is_empty());
            let any = any.map(|node| (node, rest));
            match same {
                Some(_) => {
                    next = same;
                    waiting.extend(any);
                }
                None => next = any,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<PathPattern> {
        let parse = |text: &&str| PathPattern::parse(text).unwrap();
        texts.iter().map(parse).collect()
    }

    fn index(patterns: &[PathPattern]) -> PathIndex {
        let rules = patterns.iter().map(std::slice::from_ref).enumerate();
        PathIndex::of(rules, false)
    }

    #[test]
    fn it_finds_what_fits_when_each_is_tried() {
        let patterns = patterns(&[
            "/", "=/", "/a", "=/a", "=/a/", "/a/b", "/*", "/*/b", "=/*/b", "/a/*", "/A",
            "/a/*/c/*", "/*/*/*",
        ]);
        let index = index(&patterns);
        for path in [
            "/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/b/c/d", "/b/b", "/b//b", "//", "/ab",
            "/A", "/*", "/a/*", "/a//c/d",
        ] {
            let mut found: Vec<usize> = Vec::new();
            index.fitting(path.as_bytes(), |rules| found.extend(rules));
            found.sort_unstable();
            let fits = |rule: &usize| patterns[*rule].fits(path.as_bytes());
            let expected: Vec<usize> = (0..patterns.len()).filter(fits).collect();
            assert_eq!(found, expected, "{path}");
        }
        for pattern in &patterns {
            let mut found: Vec<usize> = Vec::new();
            index.covering(pattern, |rules| found.extend(rules));
            found.sort_unstable();
            let covers = |rule: &usize| patterns[*rule].covers(pattern);
            let expected: Vec<usize> = (0..patterns.len()).filter(covers).collect();
            assert_eq!(found, expected, "{pattern}");
        }
    }

    #[test]
    fn a_rule_is_found_among_thousands_without_looking_at_the_others() {
        let texts: Vec<String> = (0..10_000).map(|at| format!("/api/{at}/*/x")).collect();
        let patterns = patterns(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let index = index(&patterns);
        let mut found: Vec<usize> = Vec::new();
        index.fitting(b"/api/9999/a/x/y", |rules| found.extend(rules));
        assert_eq!(found, [9999]);
    }

    #[test]
    fn a_path_of_many_segments_needs_no_deep_stack() {
        let patterns = patterns(&[&"/*".repeat(100_000), &"/a".repeat(100_000)]);
        let mut found: Vec<usize> = Vec::new();
        index(&patterns).fitting("/a".repeat(100_001).as_bytes(), |rules| found.extend(rules));
        assert_eq!(found, [1, 0]);
    }
}
