//! The groups of a person. No standard names their claim: most providers have `groups` or `roles`, some nest it.

use std::collections::HashSet;

use serde_json::Value;

use crate::oidc::jose::json::{Object, type_of};

/// How many groups are read at most.
const COUNT_LIMIT: usize = 1000;

/// How many bytes all of them may have.
const BYTES_LIMIT: usize = 64 * 1024;

/// Where the groups are: the name of a claim, or a JSON pointer into one (RFC 6901) such as `/realm_access/roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupsClaim {
    /// The claim.
    name: String,
    /// Where in it, as a pointer; empty is the claim itself.
    pointer: String,
}

impl Default for GroupsClaim {
    fn default() -> Self {
        GroupsClaim {
            name: "groups".to_owned(),
            pointer: String::new(),
        }
    }
}

impl GroupsClaim {
    /// Reads the setting. What begins with `/` is a pointer.
    ///
    /// # Errors
    /// It is no pointer.
    pub fn parse(text: &str) -> Result<GroupsClaim, String> {
        let Some(pointer) = text.strip_prefix('/') else {
            return Ok(GroupsClaim {
                name: text.to_owned(),
                pointer: String::new(),
            });
        };
        let is_escaped = |token: &str| {
            let mut after_tildes = token.split('~').skip(1);
            !token.is_empty() && after_tildes.all(|after| after.starts_with(['0', '1']))
        };
        if !pointer.split('/').all(is_escaped) {
            return Err("is no JSON pointer (RFC 6901)".to_owned());
        }
        let end = pointer.find('/').unwrap_or(pointer.len());
        let (name, pointer) = pointer.split_at(end);
        Ok(GroupsClaim {
            name: name.replace("~1", "/").replace("~0", "~"),
            pointer: pointer.to_owned(),
        })
    }

    /// The name of the claim.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The groups, each once; nothing if the claims say nothing about them. Where they are malformed or too many, there are
    /// none, because some of them would be a lie, and the log says why.
    pub fn read(&self, claims: &Object) -> Option<Vec<String>> {
        if !claims.has(&self.name) {
            return None;
        }
        let found = claims.lenient(&self.name, |claim| {
            Some(match claim.pointer(&self.pointer) {
                None | Some(Value::Null) => Ok(None),
                Some(value) => groups(value).map(Some),
            })
        });
        match found.unwrap_or_else(|| Err("it is unreadable".to_owned())) {
            Ok(groups) => groups,
            Err(fault) => {
                log::warn!(
                    "the person gets no groups, because of the claim {:?} (OIDC_GROUPS_CLAIM): {fault}",
                    self.name
                );
                Some(Vec::new())
            }
        }
    }
}

fn groups(value: &Value) -> Result<Vec<String>, String> {
    let list = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(list) => list,
        other => {
            return Err(format!(
                "it is {}, expected text or a list of texts",
                type_of(other)
            ));
        }
    };
    if list.len() > COUNT_LIMIT {
        return Err(format!("it has more than {COUNT_LIMIT} entries"));
    }
    let mut groups = Vec::new();
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for entry in list {
        let Value::String(group) = entry else {
            let found = type_of(entry);
            return Err(format!("an entry is {found}, expected text"));
        };
        bytes += group.len();
        if bytes > BYTES_LIMIT {
            return Err(format!("it is longer than {BYTES_LIMIT} bytes"));
        }
        if !group.is_empty() && seen.insert(group) {
            groups.push(group.clone());
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(claim: &str, claims: &str) -> Option<Vec<String>> {
        let claim = GroupsClaim::parse(claim).unwrap();
        claim.read(&Object::read(claims.as_bytes(), &[claim.name()]).unwrap())
    }

    #[test]
    fn groups_are_text_or_a_list_of_texts_wherever_the_setting_says() {
        let groups = |groups: &[&str]| Some(groups.iter().map(|it| (*it).to_owned()).collect());
        for (claim, claims, expected) in [
            ("groups", json!({"groups": ["b", "a"]}), groups(&["b", "a"])),
            (
                "groups",
                json!({"groups": "staff, dev"}),
                groups(&["staff, dev"]),
            ),
            (
                "groups",
                json!({"groups": ["a", "", "a", "A"]}),
                groups(&["a", "A"]),
            ),
            (
                "groups",
                json!({"groups": ["a\u{0}b\n", " c "]}),
                groups(&["a\u{0}b\n", " c "]),
            ),
            ("groups", json!({"groups": []}), groups(&[])),
            ("groups", json!({"groups": null}), None),
            ("groups", json!({"roles": ["a"]}), None),
            (
                "https://op.example/groups",
                json!({"https://op.example/groups": ["a"]}),
                groups(&["a"]),
            ),
            (
                "/realm_access/roles",
                json!({"realm_access": {"roles": ["a"]}}),
                groups(&["a"]),
            ),
            ("/realm_access/roles", json!({"realm_access": {}}), None),
            ("/realm_access/roles", json!({"realm_access": ["a"]}), None),
            ("/groups", json!({"groups": ["a"]}), groups(&["a"])),
            (
                "/a~1b~01/c~1d",
                json!({"a/b~1": {"c/d": "e"}}),
                groups(&["e"]),
            ),
        ] {
            assert_eq!(
                read(claim, &claims.to_string()),
                expected,
                "{claim} {claims}"
            );
        }
    }

    #[test]
    fn half_a_list_is_none() {
        let long = "x".repeat(BYTES_LIMIT / 2);
        let many = Vec::from_iter((0..=COUNT_LIMIT).map(|at| at.to_string()));
        for odd in [
            json!(7),
            json!(true),
            json!({"a": true}),
            json!(["a", 7]),
            json!(["a", null]),
            json!(["a", ["admins"]]),
            json!([{"name": "admins"}]),
            json!(many),
            json!([long, long, "x"]),
        ] {
            let claims = json!({ "groups": odd }).to_string();
            assert_eq!(read("groups", &claims), Some(vec![]), "{claims:.80}");
        }
        for unreadable in [
            r#"{"groups":["a","\ud800"]}"#.to_owned(),
            format!(
                r#"{{"groups":{}{}}}"#,
                "[".repeat(10_000),
                "]".repeat(10_000)
            ),
        ] {
            assert_eq!(
                read("groups", &unreadable),
                Some(vec![]),
                "{unreadable:.80}"
            );
        }
        assert_eq!(
            read("groups", &json!({"groups": many[1..]}).to_string())
                .unwrap()
                .len(),
            COUNT_LIMIT
        );
        let claims = json!({"groups": [long, format!("y{}", &long[1..])]});
        assert_eq!(read("groups", &claims.to_string()).unwrap().len(), 2);
    }

    #[test]
    fn a_setting_that_is_no_pointer_is_a_fault() {
        for text in ["/", "//a", "/a/", "/a//b", "/a~", "/a~2b"] {
            assert!(GroupsClaim::parse(text).is_err(), "{text}");
        }
    }
}
