//! What is kept of claims that come in all forms.

use super::*;
use serde_json::{Value, json};

fn profile(claims: Value) -> Profile {
    Profile::read(&Object::within(claims).unwrap(), &GroupsClaim::default())
}

#[test]
fn userinfo_decides_about_groups_that_it_names_even_if_it_names_none() {
    let id_token = profile(json!({"groups": ["admins"], "preferred_username": "ada"}));
    for (userinfo, groups) in [
        (json!({}), &["admins"][..]),
        (json!({"groups": null}), &["admins"]),
        (json!({"groups": ["staff"]}), &["staff"]),
        (json!({"groups": []}), &[]),
        (json!({"groups": {"admins": true}}), &[]),
    ] {
        let both = profile(userinfo.clone()).or(id_token.clone());
        assert_eq!(both.groups(), groups, "{userinfo}");
    }
}

#[test]
fn a_user_name_is_kept_whole_or_not_at_all() {
    for (name, is_kept) in [
        ("ada", true),
        ("jörg w", true),
        (" ada", false),
        ("a\0da", false),
        ("", false),
    ] {
        let profile = profile(json!({"preferred_username": name}));
        assert_eq!(
            profile.preferred_username().as_deref(),
            is_kept.then_some(name)
        );
    }
}

#[test]
fn the_name_is_what_there_is_of_it() {
    for (claims, expected) in [
        (
            json!({"name": "Ada Lovelace", "given_name": "A"}),
            Some("Ada Lovelace"),
        ),
        (
            json!({"given_name": "Ada", "family_name": "Lovelace"}),
            Some("Ada Lovelace"),
        ),
        (json!({"given_name": "Ada"}), Some("Ada")),
        (
            json!({"name": " ", "family_name": "Lovelace"}),
            Some("Lovelace"),
        ),
        (json!({"name": null}), None),
        (
            json!({"name": ["Ada"], "given_name": {"en": "Ada"}, "family_name": 7}),
            None,
        ),
        (json!({"name": true, "given_name": "Ada"}), Some("Ada")),
        (json!({}), None),
    ] {
        assert_eq!(profile(claims).display_name().as_deref(), expected);
    }
}

#[test]
fn control_characters_and_endless_names_are_cut() {
    let name = profile(json!({"name": "A\u{0}d\r\na\u{202e}"})).display_name();
    assert_eq!(name.as_deref(), Some("Ada"));
    let long = profile(json!({"name": "é".repeat(1_000_000)})).display_name();
    assert_eq!(long.unwrap().chars().count(), DISPLAY_LIMIT);
}

/// Core 5.1
#[test]
fn an_email_is_verified_when_its_own_source_says_so() {
    let thin = profile(json!({"email_verified": true}));
    let full = profile(json!({"email": "a@example.com", "email_verified": "true"}));
    assert!(!thin.clone().or(Profile::default()).email_verified());
    assert!(thin.or(full.clone()).email_verified());
    let unverified = profile(json!({"email": "b@example.com"}));
    assert!(!unverified.or(full).email_verified());
    let odd = profile(json!({"email": "a@example.com", "email_verified": 1}));
    assert!(!odd.email_verified());
}

#[test]
fn an_email_is_kept_whole_or_not_at_all() {
    let long = format!("{}@example.com", "a".repeat(DISPLAY_LIMIT - 12));
    for whole in [
        "admin@corp.com",
        "\"ada lovelace\"@example.com",
        "用户@例子.广告",
        "<i>a@example.com",
        &long,
    ] {
        let profile = profile(json!({"email": whole, "email_verified": true}));
        assert_eq!(profile.email().as_deref(), Some(whole));
        assert!(profile.email_verified());
    }
    for odd in [
        "admin\0@corp.com",
        "admin\n@corp.com",
        " admin@corp.com",
        "admin@corp.com ",
        "admin@corp.com\n",
        "admin\u{a0}@corp.com",
        "admin\u{202e}@corp.com",
        "admin\u{200b}@corp.com",
        "admin\u{feff}@corp.com",
        "\0",
        " ",
        "",
        &format!("a{long}"),
    ] {
        let profile = profile(json!({"email": odd, "email_verified": true}));
        assert_eq!(profile.email(), None, "{odd:?}");
        assert!(!profile.email_verified(), "{odd:?}");
    }
}

#[test]
fn the_other_source_replaces_an_email_that_is_refused() {
    let odd = profile(json!({"email": "a\0@example.com", "email_verified": true}));
    let other = profile(json!({"email": "b@example.com", "email_verified": false}));
    let both = odd.or(other);
    assert_eq!(both.email().as_deref(), Some("b@example.com"));
    assert!(!both.email_verified());
}
