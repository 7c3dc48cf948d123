//! `docs/conformance.md`, `SECURITY.md` and `docs/gateway.md` are true to the sources: the first is generated from the comments on the tests;
//! what they name is a test, and no row is without an answer.

mod generator;

use std::path::{Path, PathBuf};

/// What begins an answer that is no test; a reason follows.
const REASONS: [&str; 3] = ["N/A: ", "Deviates: ", "Operator: "];

/// What stands before the name of a test that is still to be written.
const TODO: &str = "TODO-TEST `";

/// A row of a table.
struct Row {
    line: usize,
    requirement: String,
    answer: String,
}

impl Row {
    /// The tests that the answer names, those that are still to be written among them.
    fn tests(&self) -> Vec<&str> {
        let words = self.answer.split('`').skip(1).step_by(2);
        words.filter(|word| word.contains("::")).collect()
    }

    fn todo(&self) -> Vec<&str> {
        let after = self.answer.split(TODO).skip(1);
        after.filter_map(|text| text.split('`').next()).collect()
    }

    fn has_reason(&self) -> bool {
        REASONS.iter().any(|word| {
            let reason = self.answer.split_once(word);
            reason.is_some_and(|(_, reason)| reason.trim().len() >= 10)
        })
    }
}

fn repo(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The rows of all tables, without their heads.
fn rows() -> Vec<Row> {
    let path = repo("docs/conformance.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some(cells) = line.strip_prefix('|') else {
            continue;
        };
        let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
        let [_, requirement, answer, ""] = cells[..] else {
            panic!("line {}: a row has three cells: {line}", at + 1);
        };
        if !matches!(answer, "shown by" | "---") {
            rows.push(Row {
                line: at + 1,
                requirement: requirement.to_owned(),
                answer: answer.to_owned(),
            });
        }
    }
    rows
}

/// Where the tests of a module are: an integration test's file, or the code that they test.
fn sources(module: &str) -> Vec<PathBuf> {
    let path = module.replace("::", "/");
    // A file's slow tests stand at its end, in a module of their own.
    let file = path.strip_suffix("/slow").unwrap_or(&path);
    // And so do the two versions of a proxy.
    let versions = ["/debian", "/current"];
    let of_version = versions.iter().find_map(|it| file.strip_suffix(it));
    let file = of_version.unwrap_or(file);
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let candidates = [
        format!("tests/it/{file}.rs"),
        format!("tests/it/{path}.rs"),
        format!("src/{path}.rs"),
        format!("src/{path}/mod.rs"),
        format!("src/{path}/tests.rs"),
        // One file of code may have several files of tests.
        format!("src/{parent}/tests/{name}.rs"),
    ];
    let files = candidates.into_iter().map(repo);
    files.filter(|file| file.is_file()).collect()
}

/// Whether `text` has a test called `name`: one with an attribute, or one of `on_both!`.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins = format!("fn {name}(");
    lines.iter().enumerate().any(|(at, line)| {
        let Some((before, arguments)) = line.split_once(&begins) else {
            return false;
        };
        let is_function = matches!(before, "" | "async ");
        let on_both = ["app: TestApp)", "database: Database)"];
        let is_on_both = on_both.iter().any(|only| arguments.starts_with(only));
        let above = lines[..at].iter().rev();
        let mut attributes =
            above.take_while(|line| line.starts_with('#') || line.starts_with("//"));
        let is_marked = attributes.any(|line| line.starts_with("#[") && line.ends_with("test]"));
        is_function && (is_on_both || is_marked)
    })
}

fn exists(test: &str) -> bool {
    let Some((module, name)) = test.rsplit_once("::") else {
        return false;
    };
    let mut files = sources(module).into_iter();
    files.any(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        // The macro writes the tests of one proxy.
        let is_suite = text.contains("gateway::suite::through!(");
        let suite = || std::fs::read_to_string(repo("tests/it/gateway/suite.rs")).unwrap();
        has_test(&text, name) || is_suite && has_test(&suite(), name)
    })
}

/// `make conformance` writes it.
#[test]
fn the_document_is_what_the_tests_say() {
    let path = repo("docs/conformance.md");
    let generated = generator::document();
    if std::env::var_os("WRITE_CONFORMANCE").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let lines = generated.lines().zip(written.lines()).enumerate();
    for (at, (generated, written)) in lines {
        assert_eq!(
            generated,
            written,
            "line {}: run `make conformance`",
            at + 1
        );
    }
    assert_eq!(generated, written, "run `make conformance`");
}

#[test]
fn each_test_that_is_named_exists() {
    let rows = rows();
    assert!(rows.len() > 150, "only {} rows were found", rows.len());
    let mut missing = Vec::new();
    for row in &rows {
        let todo = row.todo();
        let named = row.tests().into_iter().filter(|test| !todo.contains(test));
        for test in named.filter(|test| !exists(test)) {
            missing.push(format!("line {}: {test}", row.line));
        }
    }
    assert!(missing.is_empty(), "no such tests:\n{}", missing.join("\n"));
}

#[test]
fn each_row_has_a_test_or_a_reason() {
    for row in rows() {
        let Row {
            line, requirement, ..
        } = &row;
        assert!(!requirement.is_empty(), "line {line}");
        let is_answered = !row.tests().is_empty() || row.has_reason();
        assert!(is_answered, "line {line}: {requirement}");
    }
}

#[test]
fn nothing_is_left_to_be_shown() {
    let rows = rows();
    let mut left: Vec<String> = Vec::new();
    for test in rows.iter().flat_map(Row::todo) {
        let line = match exists(test) {
            true => format!("{test} is written: take its TODO-TEST away"),
            false => format!("{test} is not written yet"),
        };
        if !left.contains(&line) {
            left.push(line);
        }
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}

/// The last cell of each row names tests that exist.
fn assert_rows_name_tests(document: &str, rows: &[&str]) {
    for row in rows {
        let named = row.rsplit('|').nth(1).unwrap();
        let tests: Vec<_> = named.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{document}: {row}");
        for test in tests {
            assert!(exists(test), "{document}: no such test: {test}");
        }
    }
}

#[test]
fn each_fault_of_the_past_has_a_test() {
    let security = std::fs::read_to_string(repo("SECURITY.md")).unwrap();
    let faults: Vec<&str> = security
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .collect();
    assert!(faults.len() > 20, "{faults:?}");
    assert_rows_name_tests("SECURITY.md", &faults);
}

#[test]
fn each_complaint_about_other_gateways_has_a_test() {
    let gateway = std::fs::read_to_string(repo("docs/gateway.md")).unwrap();
    let heading = "## What people complain about elsewhere";
    let (_, section) = gateway.split_once(heading).expect(heading);
    let section = section.split("\n## ").next().unwrap_or(section);
    let rows: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.ends_with("| shown by |"))
        .collect();
    let complaints = (1..=25).filter(|number| {
        let begins = format!("| {number} | ");
        rows.iter().any(|row| row.starts_with(&begins))
    });
    assert_eq!(complaints.count(), 25, "{rows:#?}");
    assert!(rows.len() > 50, "{rows:#?}");
    assert_rows_name_tests("docs/gateway.md", &rows);
}
