use super::*;
use crate::gateway::rules::path_index::PathIndex;

fn index(pattern: &PathPattern, lowers: bool) -> PathIndex {
    PathIndex::of([(0, std::slice::from_ref(pattern))].into_iter(), lowers)
}

fn fits(pattern: &str, path_: &str, lowers: bool) -> bool {
    let (pattern, mut is_found) = (path(pattern), false);
    index(&pattern, lowers).fitting(path_.as_bytes(), |_| is_found = true);
    assert!(lowers || is_found == pattern.fits(path_.as_bytes()));
    is_found
}

fn path(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

#[test]
fn a_path_pattern_fits_whole_segments() {
    for (pattern, fit, unfit) in [
        ("/", &["/", "/a", "//", "/a/b"][..], &[][..]),
        (
            "/admin",
            &["/admin", "/admin/", "/admin/x"],
            &["/", "/adminx", "/admin.css", "/Admin", "/x/admin"],
        ),
        (
            "=/healthz",
            &["/healthz"],
            &["/healthz/", "/healthz/x", "/", "/healthzz"],
        ),
        ("=/", &["/"], &["//", "/a"]),
        ("=/a/", &["/a/"], &["/a", "/a/b"]),
        (
            "/api/*/export",
            &["/api/1/export", "/api/x/export/y"],
            &[
                "/api/export",
                "/api//export",
                "/api/1/2/export",
                "/api/1/exports",
            ],
        ),
        (
            "=/api/*",
            &["/api/1"],
            &["/api", "/api/", "/api/1/", "/api/1/2"],
        ),
        ("/*", &["/a", "/a/b"], &["/", "//a"]),
    ] {
        for fit in fit {
            assert!(fits(pattern, fit, false), "{pattern} {fit}");
        }
        for other in unfit {
            assert!(!fits(pattern, other, false), "{pattern} {other}");
        }
        assert_eq!(path(pattern).to_string(), pattern);
    }
    assert!(fits("/Admin", "/admin/x", true));
    assert!(!fits("/Admin", "/admin/x", false));
}

#[test]
fn a_path_pattern_says_what_is_wrong_with_it() {
    for wrong in [
        "", "admin", "=", "=admin", "/a%20b", "/a;b", "/a?b", "/a#b", "/a\\b", "/a//b", "//",
        "/a/../b", "/.", "/..", "/*.css", "/a*", "/**", "/a/", "/a b", "/ä", "/a\u{0}", "/{id}",
        "/a<b", "/a>b", "/a\"b", "/a^b", "/a`b",
    ] {
        assert!(PathPattern::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn one_pattern_covers_another_where_it_fits_all_that_the_other_fits() {
    for (one, other, covers) in [
        ("/", "/a", true),
        ("/", "=/", true),
        ("/", "/*", true),
        ("/a", "/a/b", true),
        ("/a", "=/a", true),
        ("/a", "/a", true),
        ("/a/b", "/a", false),
        ("=/a", "/a", false),
        ("=/a", "=/a", true),
        ("=/a", "=/a/", false),
        ("/*", "/a", true),
        ("/*", "/", false),
        ("/*", "=/", false),
        ("/a", "/*", false),
        ("/*/b", "/a/b/c", true),
        ("/a", "/ab", false),
        ("/A", "/a", false),
    ] {
        let (one, other, mut is_found) = (path(one), path(other), false);
        index(&one, false).covering(&other, |_| is_found = true);
        assert_eq!(is_found, covers, "{one} {other}");
        assert_eq!(one.covers(&other), covers, "{one} {other}");
    }
}

#[test]
fn a_host_pattern_is_a_host_or_all_with_one_label_more() {
    for (text, as_read) in [
        ("app.example.com", "app.example.com"),
        ("App.Example.com.", "app.example.com"),
        ("app:8443", "app:8443"),
        ("*.example.com", "*.example.com"),
        ("*.example.com:8443", "*.example.com:8443"),
        ("[0::1]:8080", "[::1]:8080"),
    ] {
        assert_eq!(HostPattern::parse(text).unwrap().to_string(), as_read);
    }
    for wrong in [
        "",
        "*",
        "*.",
        "a.*.b",
        "*a.example",
        "https://app.example.com",
        "app.example.com/",
        "app:80",
        "app:443",
        "a_b",
        "bücher.example",
        "*.127.0.0.1",
        "*.[::1]",
        "a b",
    ] {
        assert!(HostPattern::parse(wrong).is_err(), "{wrong}");
    }
    for (host, covers) in [
        ("a.example.com", true),
        ("example.com", false),
        ("b.a.example.com", false),
        ("a.example.com:8443", false),
    ] {
        let text = format!(
            "[[rule]]\nname='first'\nhosts=['*.example.com']\nallow='public'\n\
             [[rule]]\nname='second'\nhosts=['{host}']\nallow='public'"
        );
        let is_covered = crate::gateway::rules::Rules::parse(&text).is_err();
        assert_eq!(is_covered, covers, "{host}");
    }
}
