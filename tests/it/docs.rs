//! What is written down is true: settings, routes, and which module may know what.

use std::path::{Path, PathBuf};

use doorward::accounts::reason::Reason;
use doorward::settings::Settings;

fn repo(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(repo(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The Rust files below `folder`, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![repo(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(repo(""))
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                files.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

/// The variables that `Settings` asks for, found by letting it ask.
fn variables() -> Vec<String> {
    let asked = std::cell::RefCell::new(Vec::new());
    let _ = Settings::read(
        &|name| {
            asked.borrow_mut().push(name.to_owned());
            None
        },
        &|path| std::fs::read(path),
    );
    let mut asked = asked.into_inner();
    // Proxies may be named in small letters too.
    asked.retain(|name| name.bytes().all(|it| !it.is_ascii_lowercase()));
    asked.retain(|name| {
        !name.ends_with("_FILE")
            || [
                "OIDC_CA_FILE",
                "RULES_FILE",
                "TLS_CERT_FILE",
                "TLS_KEY_FILE",
            ]
            .contains(&name.as_str())
    });
    asked
}

#[test]
fn every_setting_is_in_the_example_and_in_the_readme() {
    let (example, readme) = (text(".env.example"), text("README.md"));
    for name in variables() {
        let named = |line: &str| {
            line.trim_start_matches('#')
                .starts_with(&format!("{name}="))
        };
        assert!(example.lines().any(named), ".env.example lacks {name}");
        assert!(
            readme.contains(&format!("`{name}`")),
            "README.md lacks {name}"
        );
    }
}

#[test]
fn every_line_of_the_example_is_a_setting() {
    let known = variables();
    for line in text(".env.example").lines() {
        let Some((name, _)) = line.trim_start_matches('#').split_once('=') else {
            continue;
        };
        let is_a_name = name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if is_a_name && name != "RUST_LOG" {
            assert!(
                known.iter().any(|variable| variable == name),
                "{name} is not a setting"
            );
        }
    }
}

#[test]
fn the_example_filled_in_is_accepted() {
    let mut values = std::collections::HashMap::new();
    for line in text(".env.example")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        if let Some((name, value)) = line.split_once('=') {
            values.insert(name.to_owned(), value.to_owned());
        }
    }
    for name in ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"] {
        values.insert(name.to_owned(), "from the provider".to_owned());
    }
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("people.db").to_str().unwrap().to_owned();
    values.insert("DATABASE_URL".to_owned(), database);
    let settings = Settings::read(&|name| values.get(name).cloned(), &|path| {
        std::fs::read(path)
    });
    assert!(settings.is_ok(), "{:?}", settings.err());
}

#[test]
fn documents_name_files_that_are_there() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = text(document);
        let words = text.split('`').skip(1).step_by(2);
        let folders = ["src/", "docs/", "tests/", "templates/"];
        let is_path = |word: &&str| folders.iter().any(|folder| word.starts_with(folder));
        let paths: Vec<&str> = words.filter(is_path).collect();
        assert!(!paths.is_empty(), "{document}");
        for path in paths {
            assert!(repo(path).exists(), "{document} names {path}");
        }
    }
}

#[test]
fn the_architecture_names_every_room_and_stays_short() {
    let architecture = text("ARCHITECTURE.md");
    assert!(architecture.lines().count() <= 150);
    for entry in std::fs::read_dir(repo("src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let room = match entry.path().is_dir() {
            true => format!("`src/{name}/`"),
            false => format!("`src/{name}`"),
        };
        let is_there = name == "lib.rs" || architecture.contains(&room);
        assert!(is_there, "ARCHITECTURE.md lacks {room}");
    }
}

#[test]
fn operations_explains_every_metric_event_and_reason() {
    let operations = text("docs/operations.md");
    let mut words: Vec<String> = doorward::db::Event::ALL
        .map(|event| event.name().to_owned())
        .into();
    for (_, source) in sources("src/observe/metrics") {
        let strings = source.split('"').skip(1).step_by(2);
        let names = strings.filter(|string| string.starts_with("doorward_"));
        words.extend(names.map(str::to_owned));
    }
    assert!(words.len() >= 9 + 8, "{words:?}");
    words.extend(Reason::ALL.iter().map(|reason| reason.name().to_owned()));
    for word in words {
        let is_there = operations.contains(&format!("`{word}`"));
        assert!(is_there, "docs/operations.md lacks {word}");
    }
}

/// Each word that the gateway logs as a reason.
#[test]
fn operations_explains_every_reason_of_the_gateway() {
    let operations = text("docs/operations.md");
    let (_, explained) = operations.split_once("### Reasons of the gateway").unwrap();
    let mut reasons = Vec::new();
    for (name, source) in [sources("src/gateway"), sources("src/http/handlers/auth")].concat() {
        let source = source.split("#[cfg(test)]").next().unwrap();
        for (before, after) in [(" => \"", "\""), ("record.set(", ");")] {
            for found in source.split(before).skip(1) {
                let found = found.split(after).next().unwrap();
                let word = found
                    .rsplit(['"', ' '])
                    .find(|it| !it.is_empty())
                    .unwrap_or_default();
                let is_reason = word.contains('_') || ["acr", "body", "database"].contains(&word);
                let is_plain = word.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
                if is_reason && is_plain && word != "reason" && !name.ends_with("record.rs") {
                    reasons.push(word.to_owned());
                }
            }
        }
    }
    reasons.retain(|it| !["sign_in", "ext_authz", "preferred_username"].contains(&it.as_str()));
    assert!(reasons.len() > 15, "{reasons:?}");
    for reason in reasons {
        let is_there = explained.contains(&format!("`{reason}`"));
        assert!(is_there, "docs/operations.md lacks {reason}");
    }
}

#[test]
fn operations_names_settings_and_files_that_are_there() {
    let operations = text("docs/operations.md");
    let known = variables();
    let elsewhere = [
        "RUST_LOG",
        "HTTP_PROXY",
        "ALL_PROXY",
        "HEALTHCHECK",
        "SIGTERM",
        "SIGHUP",
        "RLIMIT_CORE",
    ];
    for word in operations.split('`').skip(1).step_by(2) {
        let name = word.split('=').next().unwrap_or_default();
        let is_loud = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        if name.len() > 3 && name.bytes().all(is_loud) && !elsewhere.contains(&name) {
            let name = name.strip_suffix("_FILE").unwrap_or(name);
            let is_known = known
                .iter()
                .any(|known| known == name || *known == format!("{name}_FILE"));
            assert!(is_known, "docs/operations.md: {name} is no setting");
        }
        let folders = ["src/", "docs/", "deploy/", "tests/"];
        if folders.iter().any(|folder| word.starts_with(folder)) {
            assert!(repo(word).exists(), "docs/operations.md names {word}");
        }
    }
}

/// A section for each provider, with a table for each side, and whether it was tried.
#[test]
fn providers_says_what_to_enter_there_and_here_and_what_was_tried() {
    let providers = text("docs/providers.md");
    let known = variables();
    for (name, tried) in [
        ("Keycloak", "Tried by running it."),
        ("Dex", "Tried by running it."),
        ("Microsoft Entra ID", "Not tried."),
        ("Google", "Not tried."),
        ("Auth0", "Not tried."),
        ("GitLab", "Not tried."),
        ("Authentik", "Not tried."),
    ] {
        let (_, section) = providers.split_once(&format!("\n## {name}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap();
        assert!(section.trim_start().starts_with(tried), "{name}");
        for part in [
            "| there (",
            "| here | value |",
            "`OIDC_ISSUER`",
            "\nUnusual there:\n",
            "/authorization-code/callback`",
        ] {
            assert!(section.contains(part), "{name} lacks {part}");
        }
        let (_, here) = section.split_once("| here |").unwrap();
        let settings = here.split('`').skip(1).step_by(2);
        for setting in settings.filter(|word| word.starts_with("OIDC_")) {
            let setting = setting.split('=').next().unwrap_or_default();
            assert!(known.iter().any(|known| known == setting), "{setting}");
        }
    }
    let package = text("interop/package.json");
    let version = "9.13.3";
    assert!(package.contains(&format!("\"oidc-provider\": \"{version}\"")));
    assert!(providers.contains(&format!("oidc-provider {version}")));
}

/// What is promised of nginx was tried with the very same lines.
#[test]
fn the_nginx_of_operations_is_that_of_the_tests() {
    let (operations, tests) = (
        text("docs/operations.md"),
        text("tests/it/support/nginx.rs"),
    );
    let lines = tests.lines().map(|line| line.trim().replace("\\\"", "\""));
    let lines: Vec<_> = lines
        .filter(|line| line.starts_with("proxy_") && !line.starts_with("proxy_temp_path"))
        .chain(["max_fails=0".to_owned(), "keepalive 16;".to_owned()])
        .collect();
    assert!(lines.len() > 7, "{lines:?}");
    for line in lines {
        assert!(
            operations.contains(&line),
            "docs/operations.md lacks {line}"
        );
    }
}

/// The page titles and sentences in the runbook are those that people report.
#[test]
fn page_titles_that_are_quoted_exist() {
    let sources = ["src/http/pages/messages.rs", "src/http/handlers/refused.rs"];
    let words = sources.map(text).concat();
    let (alerts, operations) = (text("docs/alerts.yaml"), text("docs/operations.md"));
    let seen_by_people = operations
        .lines()
        .filter(|line| line.starts_with("| \""))
        .map(|line| line.split('|').nth(1).unwrap());
    let descriptions = alerts.lines().filter(|line| line.contains("People see"));
    let mut quoted = 0;
    for line in seen_by_people.chain(descriptions) {
        for title in line.split('"').skip(1).step_by(2) {
            assert!(words.contains(title), "no page says {title:?}");
            quoted += 1;
        }
    }
    assert!(quoted > 10 && alerts.contains("People see"), "{quoted}");
}

#[test]
fn the_readmes_journey_names_the_file_of_the_sign_in_statement() {
    let readme = text("README.md");
    let step = readme
        .lines()
        .find(|line| line.contains("in one statement"));
    let mut files = step.unwrap().split('`').skip(1).step_by(2);
    let has_statement = |file: &str| text(file).contains("INSERT INTO sessions");
    assert!(files.any(has_statement), "{step:?}");
}

/// Administrators who delete a person must know what stays.
#[test]
fn what_deleting_a_person_leaves_is_said() {
    let said = text("README.md") + &text("docs/operations.md") + &text("src/commands/users.rs");
    let lines = said.lines().filter(|line| {
        let line = line.to_lowercase();
        line.contains("users delete") && line.contains('|')
            || line.contains("users delete ada")
            || line.contains("delete their record")
    });
    let lines: Vec<_> = lines
        .filter(|line| !line.contains("user_deleted"))
        .collect();
    assert!(lines.len() >= 3, "{lines:?}");
    for line in lines {
        assert!(line.contains("AUDIT_RETENTION"), "{line}");
    }
    assert!(!said.contains("and forgets"), "the audit does not");
}

/// An example in CONTRIBUTING.md must be in the code.
#[test]
fn the_examples_of_contributing_are_the_codes() {
    let contributing = text("CONTRIBUTING.md");
    let mut examples = contributing.split("\n```rust\n").peekable();
    let mut file = String::new();
    let mut count = 0;
    while let Some(before) = examples.next() {
        let named = before.trim_end().strip_suffix("`:");
        let named = named.and_then(|before| before.rsplit('`').next());
        file = named.map_or(file, text);
        let Some(example) = examples.peek() else {
            break;
        };
        for part in example.split("\n```").next().unwrap().split("\n…\n") {
            assert!(
                file.contains(part),
                "CONTRIBUTING.md: not in its file:\n{part}"
            );
            count += 1;
        }
    }
    assert!(count >= 5, "{count}");
}
