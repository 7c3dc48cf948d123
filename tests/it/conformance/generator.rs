//! Generates `docs/conformance.md` from `requirements.md`, in this folder, and the comments on the tests.
//!
//! `requirements.md` is the document without the names of tests: a row is section, requirement, reason. The comment on a
//! test names the document (the short name in the heading's `<!-- -->`) and the section, exactly as the row does:
//! `/// Core 3.1.3.7 (3 a): …`. What follows the colon is the requirement where the row leaves it empty, since a
//! single test shows it; else it is a note on what the test shows. A comment goes on in lines that are indented further.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::repo;

const REQUIREMENTS: &str = include_str!("requirements.md");

/// A test that shows a requirement, and what its comment says after the label.
struct Shown {
    test: String,
    text: String,
}

/// The document as it should be.
pub fn document() -> String {
    let rows = Row::all();
    let mut shown = shown(&rows);
    let mut document = String::new();
    let mut rows = rows.into_iter();
    for line in REQUIREMENTS.lines() {
        let line = match is_row(line) {
            true => {
                let row = rows
                    .next()
                    .expect("there are as many rows as lines of rows");
                let shown = shown.remove(&row.label).unwrap_or_default();
                row.line(&shown)
            }
            false => line.split(" <!-- ").next().unwrap().to_owned(),
        };
        document.push_str(&line);
        document.push('\n');
    }
    assert!(
        shown.is_empty(),
        "no rows have these labels: {:?}",
        shown.keys()
    );
    document
}

fn is_row(line: &str) -> bool {
    line.starts_with("| ") && !line.ends_with("| shown by |")
}

/// A requirement.
struct Row {
    /// As the tests name it.
    label: String,
    section: &'static str,
    /// Empty where the one test that shows it says it.
    requirement: &'static str,
    reason: &'static str,
}

impl Row {
    fn all() -> Vec<Row> {
        let mut document = "";
        let mut rows = Vec::<Row>::new();
        for line in REQUIREMENTS.lines() {
            if line.starts_with('#') {
                let (_, short) = line.split_once("<!-- ").unwrap_or_default();
                document = short.trim_end_matches(" -->");
            }
            if is_row(line) {
                let cells: Vec<_> = line.split('|').map(str::trim).collect();
                let [_, section, requirement, reason, _] = cells[..] else {
                    panic!("requirements.md: a row has three cells: {line}");
                };
                let label = match section.starts_with("RFC ") {
                    true => section.to_owned(),
                    false => format!("{document} {section}"),
                };
                let is_new = rows.iter().all(|row| row.label != label);
                assert!(is_new, "requirements.md has {label} twice");
                rows.push(Row {
                    label,
                    section,
                    requirement,
                    reason,
                });
            }
        }
        rows
    }

    fn line(&self, shown: &[Shown]) -> String {
        let Row {
            label,
            section,
            requirement,
            reason,
        } = self;
        let (requirement, notes) = match (requirement.is_empty(), shown) {
            (false, _) => (*requirement, true),
            (true, [only]) if !only.text.is_empty() => (only.text.as_str(), false),
            (true, _) => panic!(
                "{label}: requirements.md says what it requires, or else the comment on its one test does: {:?}",
                shown.iter().map(|shown| &shown.test).collect::<Vec<_>>()
            ),
        };
        let tests = shown
            .iter()
            .map(|Shown { test, text }| match text.as_str() {
                note if notes && !note.is_empty() => format!("`{test}` ({note})"),
                _ => format!("`{test}`"),
            });
        let tests = tests.collect::<Vec<_>>().join(", ");
        let between = if tests.is_empty() || reason.is_empty() {
            ""
        } else {
            ". "
        };
        assert!(
            !(tests.is_empty() && reason.is_empty()),
            "{label}: neither test nor reason"
        );
        format!("| {section} | {requirement} | {tests}{between}{reason} |")
    }
}

/// What the comments on the tests say, by label.
fn shown(rows: &[Row]) -> BTreeMap<String, Vec<Shown>> {
    let mut files = Vec::new();
    for folder in ["tests/it", "src"] {
        rust_files(&repo(folder), &mut files);
    }
    files.sort();
    let mut shown = BTreeMap::<String, Vec<Shown>>::new();
    for file in files {
        let module = module(&file);
        let source = std::fs::read_to_string(&file).unwrap();
        for (test, comment) in commented_tests(&source) {
            let test = format!("{module}::{test}");
            for (label, text) in labels(&comment, rows, &test) {
                let test = test.clone();
                shown.entry(label).or_default().push(Shown { test, text });
            }
        }
    }
    shown
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// As the test's path begins, without the `tests` of unit tests.
fn module(file: &Path) -> String {
    let below = ["tests/it", "src"].map(repo);
    let mut below = below
        .iter()
        .filter_map(|folder| file.strip_prefix(folder).ok());
    let path = below.next().expect("it was found there").with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap());
    let names = names.filter(|name| !matches!(*name, "mod" | "tests"));
    names.collect::<Vec<_>>().join("::")
}

/// The tests of a file, each with the lines of its comment. The slow ones stand at the end, in a module of their own.
fn commented_tests(source: &str) -> Vec<(String, Vec<&str>)> {
    let mut tests = Vec::new();
    let mut comment = Vec::new();
    let mut within = "";
    for line in source.lines().map(str::trim) {
        if line == "mod slow {" {
            within = "slow::";
        }
        if let Some(line) = line.strip_prefix("///") {
            comment.push(line);
        } else if !line.starts_with("#[") {
            let name = line.trim_start_matches("async ").strip_prefix("fn ");
            let comment = std::mem::take(&mut comment);
            if let Some((name, _)) = name.and_then(|name| name.split_once('('))
                && super::has_test(source, name)
            {
                tests.push((format!("{within}{name}"), comment));
            }
        }
    }
    tests
}

/// The labels in a comment, each with the text that follows it.
fn labels(comment: &[&str], rows: &[Row], test: &str) -> Vec<(String, String)> {
    let mut labels = Vec::<(String, String)>::new();
    let mut goes_on = false;
    for line in comment {
        if let Some(more) = line.strip_prefix("   ").filter(|_| goes_on) {
            let (_, text) = labels.last_mut().expect("it goes on after a label");
            text.push(' ');
            text.push_str(more.trim());
            continue;
        }
        let line = line.trim();
        let matching = rows.iter().filter(|row| {
            let rest = line.strip_prefix(row.label.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        });
        let label = matching
            .map(|row| row.label.as_str())
            .max_by_key(|label| label.len());
        goes_on = label.is_some();
        if let Some(label) = label {
            let text = line[label.len()..].trim_start_matches(':').trim();
            labels.push((label.to_owned(), text.to_owned()));
        } else if looks_like_a_label(line, rows) {
            panic!("{test}: no row of requirements.md is {line:?}");
        }
    }
    labels
}

/// Whether a line begins with the short name of a document and a section.
fn looks_like_a_label(line: &str, rows: &[Row]) -> bool {
    rows.iter().any(|row| {
        let document = row.label.strip_suffix(row.section).unwrap_or_default();
        let rest = line.strip_prefix(document).filter(|_| !document.is_empty());
        rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    })
}
