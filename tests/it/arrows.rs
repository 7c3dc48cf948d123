//! The rooms of `src/` and which of them may use which: whoever reads a path knows what it can depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may name. Everybody may name those of [`EVERYBODY`].
const ARROWS: [(&str, &[&str]); 16] = [
    (
        "commands",
        // The keys of the session alone: `doorward check --through` reads what the gateway sealed.
        &[
            "server", "gateway", "session", "accounts", "db", "oidc", "settings",
        ],
    ),
    (
        "server",
        &[
            "http", "gateway", "session", "accounts", "db", "oidc", "settings",
        ],
    ),
    (
        "http",
        &["gateway", "session", "accounts", "db", "oidc", "settings"],
    ),
    ("session", &["accounts", "db", "oidc", "settings"]),
    ("gateway", &[]),
    ("accounts", &["db"]),
    ("settings", &["gateway", "db", "oidc"]),
    ("db", &[]),
    ("oidc", &[]),
    ("observe", &[]),
    ("public_url", &[]),
    ("clock", &[]),
    ("duration", &[]),
    ("random", &[]),
    ("threads", &[]),
    // What the benchmarks and the fuzz targets reach; no part of a release.
    (
        "internals",
        &[
            "server", "http", "gateway", "session", "accounts", "db", "oidc", "settings",
        ],
    ),
];

const EVERYBODY: [&str; 6] = [
    "observe",
    "public_url",
    "clock",
    "duration",
    "random",
    "threads",
];

/// Crates that one place alone may name, and the paths that begin it.
const ALONE: [(&str, &[&str]); 5] = [
    ("awc::", &["oidc/http/"]),
    ("actix_session::", &["session/carrier"]),
    ("actix_identity::", &["session/carrier"]),
    ("tera::", &["http/pages"]),
    ("env::var(", &["settings/mod.rs", "settings/source.rs"]),
];

/// Crates that a room must not know.
const UNKNOWN_TO: [(&str, &[&str]); 7] = [
    ("gateway/", &["actix", "awc", "diesel", "env::var"]),
    ("oidc/", &["diesel", "env::var"]),
    ("oidc/flow/", &["actix", "awc"]),
    ("oidc/jose/", &["actix", "awc"]),
    ("db/", &["actix", "env::var"]),
    ("accounts/", &["actix", "env::var"]),
    ("settings/", &["actix", "awc"]),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The sources below `src/`: path, and code without comments.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![src()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let lines = text.lines();
                let code = lines.filter(|line| !line.trim_start().starts_with("//"));
                let code: Vec<&str> = code.collect();
                let name = path.strip_prefix(src()).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), code.join("\n"));
            }
        }
    }
    found
}

/// `settings/mod.rs` is `settings`, `db/users.rs` is `db::users`.
fn module(file: &str) -> String {
    let name = file.strip_suffix(".rs").unwrap();
    name.strip_suffix("/mod").unwrap_or(name).replace('/', "::")
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// Every path that begins with `crate::` or `super::`, whole: `use crate::a::{b, c::D}` is `a::b` and `a::c::D`.
fn paths(file: &str, code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let stands_alone = !code[..at]
            .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
        if stands_alone {
            leaves("", &code[at + "crate::".len()..], &mut found);
        }
    }
    let own = module(file);
    for (at, _) in code.match_indices("super::") {
        let line_begin = code[..at].rfind('\n').map_or(0, |newline| newline + 1);
        // In `mod tests { … }` the parent is the file itself.
        let is_inner = code[line_begin..].starts_with(' ');
        let is_first = !code[..at].ends_with("super::");
        let mut parent = own.clone();
        let mut rest = &code[at..];
        let mut inner = is_inner;
        while let Some(further) = rest.strip_prefix("super::") {
            match inner {
                true => inner = false,
                false => {
                    parent = parent
                        .rsplit_once("::")
                        .map_or(String::new(), |(parent, _)| parent.to_owned())
                }
            }
            rest = further;
        }
        if is_first && !parent.is_empty() {
            leaves(&parent, rest, &mut found);
        }
    }
    found
}

/// Reads the path, or the group of paths, that `text` begins with.
fn leaves(before: &str, text: &str, found: &mut BTreeSet<String>) {
    let joined = |name: &str| match before {
        "" => name.to_owned(),
        before => format!("{before}::{name}"),
    };
    if let Some(group) = text.strip_prefix('{') {
        let (mut depth, mut item) = (0, String::new());
        for c in group.chars() {
            match c {
                '}' if depth == 0 => break,
                ',' if depth == 0 => {
                    leaves(before, item.trim(), found);
                    item.clear();
                    continue;
                }
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => (),
            }
            item.push(c);
        }
        leaves(before, item.trim(), found);
        return;
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match (name, rest.strip_prefix("::")) {
        ("" | "self", _) => drop(found.insert(before.to_owned())),
        (name, Some(rest))
            if rest.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{') =>
        {
            leaves(&joined(name), rest, found);
        }
        (name, _) => drop(found.insert(joined(name))),
    }
}

#[test]
fn a_room_names_only_rooms_below_it() {
    let arrows: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let own = module(&file);
        let own = room(&own);
        if ["main", "lib"].contains(&own) {
            continue;
        }
        let allowed = arrows
            .get(own)
            .unwrap_or_else(|| panic!("src/{file} is in no room"));
        for path in paths(&file, &code) {
            let other = room(&path);
            let is_allowed = other == own || EVERYBODY.contains(&other) || allowed.contains(&other);
            if !is_allowed {
                wrong.push(format!("src/{file} names crate::{path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rooms_themselves_have_no_circle() {
    let mut rest: BTreeMap<_, _> = ARROWS.into_iter().collect();
    while !rest.is_empty() {
        let names: Vec<_> = rest.keys().copied().collect();
        let before = rest.len();
        rest.retain(|_, others| others.iter().any(|other| names.contains(other)));
        assert!(rest.len() < before, "a circle among {names:?}");
    }
}

/// Parents and children may name each other; two files side by side may not.
#[test]
fn no_two_files_name_each_other() {
    let sources = sources();
    let modules: BTreeMap<String, &String> =
        sources.keys().map(|file| (module(file), file)).collect();
    let file_of = |path: &str| {
        let mut path = path;
        loop {
            match modules.get(path) {
                Some(file) => return Some(*file),
                None => path = path.rsplit_once("::")?.0,
            }
        }
    };
    let mut uses: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for (file, code) in &sources {
        // What a test needs of its neighbours is no dependency of the program.
        let (code, _) = code
            .split_once("\n#[cfg(test)]\nmod tests {")
            .unwrap_or((code, ""));
        let own = module(file);
        let others = paths(file, code);
        let others = others
            .iter()
            .filter_map(|path| file_of(path))
            .filter(|other| {
                let other = module(other);
                let is_in = |inner: &str, outer: &str| {
                    inner == outer || inner.starts_with(&format!("{outer}::"))
                };
                !is_in(&own, &other) && !is_in(&other, &own)
            });
        uses.insert(file, others.collect());
    }
    // Removes files that use no remaining file, until only circles are left.
    loop {
        let before = uses.len();
        let left: BTreeSet<_> = uses.keys().copied().collect();
        uses.retain(|_, others| others.iter().any(|other| left.contains(other)));
        if uses.len() == before {
            break;
        }
    }
    // Then removes files that no remaining file uses.
    loop {
        let before = uses.len();
        let used: BTreeSet<_> = uses.values().flatten().copied().collect();
        uses.retain(|file, _| used.contains(file));
        if uses.len() == before {
            break;
        }
    }
    let names: BTreeSet<_> = uses.keys().copied().cloned().collect();
    let circle: Vec<String> = uses
        .iter()
        .map(|(file, others)| {
            let others: Vec<&str> = others
                .iter()
                .filter(|o| names.contains(**o))
                .map(|o| o.as_str())
                .collect();
            format!("{file} -> {}", others.join(", "))
        })
        .collect();
    assert!(circle.is_empty(), "{}", circle.join("\n"));
}

/// Signed tokens are judged by what comes as arguments: `jose/` fetches nothing and knows no error of the flow.
#[test]
fn jose_names_no_other_part_of_oidc_and_waits_for_nothing() {
    for (file, code) in sources() {
        if !file.starts_with("oidc/jose/") {
            continue;
        }
        assert!(!code.contains("async "), "src/{file} is async");
        for path in paths(&file, &code) {
            let is_below = room(&path) != "oidc" || path.starts_with("oidc::jose");
            assert!(is_below, "src/{file} names crate::{path}");
        }
    }
}

#[test]
fn each_crate_stays_in_its_place() {
    for (file, code) in sources() {
        for (krate, places) in ALONE {
            let is_its_place = places.iter().any(|place| file.starts_with(place));
            assert!(
                is_its_place || !code.contains(krate),
                "src/{file} names {krate}"
            );
        }
        for (place, crates) in UNKNOWN_TO {
            for krate in crates.iter().filter(|_| file.starts_with(place)) {
                assert!(!code.contains(krate), "src/{file} names {krate}");
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_a_reader_likes() {
    const LINES: usize = 250;
    let mut long = Vec::new();
    for file in sources().keys() {
        let text = std::fs::read_to_string(src().join(file)).unwrap();
        let comment: String = text
            .lines()
            .take_while(|line| line.starts_with("//"))
            .collect();
        let lines = text.lines().count();
        if lines > LINES && !comment.contains("Longer than") {
            long.push(format!("{lines} {file}"));
        }
    }
    assert!(
        long.is_empty(),
        "split them, or say in the first comment why they are \"Longer than …\":\n{}",
        long.join("\n")
    );
}
