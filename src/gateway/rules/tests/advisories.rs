//! What went wrong elsewhere, with paths that an app reads in another way than a rule.

use super::*;

/// Each path leads to no rule: one of its readings is `/admin`, another one is not.
fn assert_ambiguous(paths: &[&str]) {
    let rules = rules(TWO);
    for path in paths {
        let url = format!("app.example.com{path}");
        let rule = selected(&rules, "GET", &url, &[], None);
        assert_eq!(rule, "ambiguous", "{path}");
    }
}

/// Traefik
#[test]
fn cve_2026_40912_dot_segments_do_not_hide_a_path() {
    assert_ambiguous(&[
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/.%2E/admin",
        "/public/x/../../admin",
    ]);
}

/// Traefik
#[test]
fn cve_2026_48020_api_dots() {
    assert_ambiguous(&["/./admin", "/x/../admin/x", "/admin/..", "/admin/../x"]);
}

/// Traefik
#[test]
fn cve_2025_66490_encoded_slashes() {
    assert_ambiguous(&[
        "/public/..%2Fadmin",
        "/public%2f..%2fadmin",
        "/admin%2fx",
        "/public/..%5cadmin",
    ]);
}

/// Envoy
#[test]
fn cve_2021_29492_double_and_escaped_slashes() {
    assert_ambiguous(&[
        "//admin",
        "///admin/x",
        "/%2fadmin",
        "/%5Cadmin",
        "/x/..//admin",
    ]);
}

/// `..;` is `..` to Tomcat and its kin.
#[test]
fn path_parameters_do_not_hide_a_path() {
    assert_ambiguous(&[
        "/public/..;/admin",
        "/public/..;x=y/admin",
        "/admin;x",
        "/;x/admin",
        "/admin%3bx",
    ]);
}

#[test]
fn twice_encoded_dots() {
    assert_ambiguous(&["/public/%252e%252e/admin", "/public/%25252e%25252e/admin"]);
}

#[test]
fn capitals_do_not_leave_a_rule() {
    assert_ambiguous(&["/ADMIN", "/Admin/x", "/%41dmin", "/api/keys"]);
}
