use super::*;

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
        for fits in fit {
            assert!(path(pattern).fits(fits.as_bytes()), "{pattern} {fits}");
        }
        for other in unfit {
            assert!(!path(pattern).fits(other.as_bytes()), "{pattern} {other}");
        }
        assert_eq!(path(pattern).to_string(), pattern);
    }
    assert!(path("/Admin").fits_lower(b"/admin/x"));
    assert!(!path("/Admin").fits(b"/admin/x"));
}

#[test]
fn a_path_pattern_says_what_is_wrong_with_it() {
    for wrong in [
        "", "admin", "=", "=admin", "/a%20b", "/a;b", "/a?b", "/a#b", "/a\\b", "/a//b", "//",
        "/a/../b", "/.", "/..", "/*.css", "/a*", "/**", "/a/", "/a b", "/ä", "/a\u{0}",
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
        assert_eq!(path(one).covers(&path(other)), covers, "{one} {other}");
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
    let wildcard = HostPattern::parse("*.example.com").unwrap();
    for (host, covers) in [
        ("a.example.com", true),
        ("example.com", false),
        ("b.a.example.com", false),
        ("a.example.com:8443", false),
    ] {
        assert_eq!(
            wildcard.covers(&HostPattern::parse(host).unwrap()),
            covers,
            "{host}"
        );
    }
}
