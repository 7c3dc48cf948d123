//! The alerts and the dashboard ask for labels that metrics have, and for values that these labels take.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

fn text(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// What docs/operations.md says of each metric: its labels, each with the values that are listed.
fn documented() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let operations = text("docs/operations.md");
    let rows = operations
        .lines()
        .filter(|line| line.starts_with("| `doorward_"));
    let rows = rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[2].split(';').filter(|part| !part.trim().is_empty());
        let labels = labels.flat_map(|part| {
            let (names, values) = part.split_once(':').unwrap_or((part, ""));
            let values: BTreeSet<String> = values
                .split(',')
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty() && !value.contains(' '))
                .collect();
            let names: Vec<String> = names
                .split(',')
                .map(|name| name.trim().trim_matches('`').to_owned())
                .collect();
            names.into_iter().map(move |name| (name, values.clone()))
        });
        (cells[1].trim_matches('`').to_owned(), labels.collect())
    });
    rows.collect()
}

fn expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text("docs/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let mut found: Vec<String> = targets
        .map(|it| it["expr"].as_str().unwrap().to_owned())
        .collect();
    let alerts = text("docs/alerts.yaml");
    for alert in alerts.split("- alert:").skip(1) {
        let expr = alert.split_once("expr:").unwrap().1;
        let end = expr
            .find("\n        for:")
            .or(expr.find("\n        labels:"));
        found.push(expr[..end.unwrap()].to_owned());
    }
    found
}

/// The metrics of an expression, each with what its braces ask for.
fn selectors(expr: &str) -> Vec<(String, String)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = expr;
    while let Some(at) = rest.find("doorward_") {
        rest = &rest[at..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let inside = after
            .strip_prefix('{')
            .map_or("", |after| &after[..after.find('}').unwrap()]);
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| name.strip_suffix(part));
        found.push((family.unwrap_or(name).to_owned(), inside.to_owned()));
        rest = after;
    }
    found
}

/// Labels that Prometheus adds.
const ADDED: [&str; 3] = ["job", "instance", "le"];

#[test]
fn each_label_that_is_asked_for_is_there_and_takes_that_value() {
    let documented = documented();
    let expressions = expressions();
    assert!(expressions.len() > 30 && documented.len() > 10);
    for expr in &expressions {
        let selectors = selectors(expr);
        for (metric, inside) in &selectors {
            let labels = documented
                .get(metric)
                .unwrap_or_else(|| panic!("{metric} is not documented"));
            for asked in inside.split("\",").filter(|it| !it.is_empty()) {
                let at = asked
                    .find(['=', '!'])
                    .unwrap_or_else(|| panic!("{asked} in {expr}"));
                let (name, value) = asked.split_at(at);
                let value = value.trim_start_matches(['=', '!', '~']).trim_matches('"');
                if ADDED.contains(&name) {
                    continue;
                }
                let values = labels
                    .get(name)
                    .unwrap_or_else(|| panic!("{metric} has no {name}: {expr}"));
                let literal = value
                    .split('|')
                    .filter(|it| !it.contains('.') && !it.starts_with('/'));
                for value in literal.filter(|_| !values.is_empty()) {
                    assert!(
                        values.contains(value),
                        "{metric} is never {name}={value}: {expr}"
                    );
                }
            }
        }
        for by in expr.split("by (").skip(1) {
            for label in by.split(')').next().unwrap().split(',').map(str::trim) {
                let is_there =
                    |(metric, _): &(String, String)| documented[metric].contains_key(label);
                assert!(
                    ADDED.contains(&label) || selectors.iter().any(is_there),
                    "no {label} in {expr}"
                );
            }
        }
    }
    let alerts = text("docs/alerts.yaml");
    for label in alerts.split("$labels.").skip(1) {
        let label = label.split(' ').next().unwrap();
        let is_there = documented.values().any(|labels| labels.contains_key(label));
        assert!(is_there || ADDED.contains(&label), "{label}");
    }
}
