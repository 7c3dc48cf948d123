use super::*;

fn path(uri: &str) -> Option<String> {
    Target::parse(uri.as_bytes()).map(|target| target.path.into_owned())
}

fn reads_as(sent: &str, expected: &str) -> bool {
    let readings = readings(sent).unwrap();
    readings
        .iter()
        .any(|reading| reading == expected.as_bytes())
}

#[test]
fn path_and_query_part_at_the_first_question_mark() {
    for (uri, path, query) in [
        ("/", "/", None),
        ("/a?", "/a", Some("")),
        ("/a?b?c", "/a", Some("b?c")),
        ("/a?%", "/a", Some("%")),
        ("//b/c", "//b/c", None),
        ("/ä?ä", "/%C3%A4", Some("%C3%A4")),
    ] {
        let target = Target::parse(uri.as_bytes()).unwrap();
        assert_eq!((&*target.path, target.query.as_deref()), (path, query));
    }
}

#[test]
fn ghsa_pxq7_a_fragment_in_the_path_is_refused() {
    for uri in ["/admin#/public", "/public#", "/a?b#c"] {
        assert_eq!(path(uri), None, "{uri}");
    }
}

#[test]
fn a_target_that_no_app_should_get_is_rejected() {
    let long = format!("/{}", "a".repeat(URI_LIMIT));
    for uri in [
        "",
        "a",
        "*",
        "?a",
        "http://a/b",
        "/a b",
        "/a\tb",
        "/a\0",
        "/a\x7f",
        "/%",
        "/%a",
        "/%zz",
        "/a%2",
        "/%u0061",
        "/%00",
        "/%0a",
        "/%1F",
        "/%7f",
        "/%c0%af",
        "/%C1%81",
        "/%e0%80%af",
        "/%f0%80%80%af",
        &long,
    ] {
        assert_eq!(path(uri), None, "{uri}");
    }
    assert_eq!(Target::parse(b"/\xff"), None);
    assert_eq!(Target::parse(b"/\xc0\xaf"), None);
    assert!(path(&long[..URI_LIMIT]).is_some());
}

#[test]
fn a_plain_path_reads_in_one_way() {
    for plain in ["/", "/a", "/a/b-c_d~e.txt", "/a/b.", "/a/", "/a,b@c:d"] {
        assert!(is_plain(plain.as_bytes()), "{plain}");
        assert_eq!(readings(plain).unwrap(), [plain.as_bytes()], "{plain}");
    }
    for not_plain in [
        "/A", "/%61", "//", "/a//b", "/.", "/a/..", "/a;b", "/a\\b", "/.a",
    ] {
        assert!(!is_plain(not_plain.as_bytes()), "{not_plain}");
    }
}

#[test]
fn a_path_is_read_in_every_way_in_which_an_app_may_read_it() {
    for (sent, read) in [
        ("/public/../admin", "/public/../admin"),
        ("/public/../admin", "/admin"),
        ("/public/%2e%2E/admin", "/admin"),
        ("/public%2f..%2fadmin", "/admin"),
        ("/public/..%252fadmin", "/admin"),
        ("/public/%252e%252e/admin", "/admin"),
        ("/public/%25252e%25252e/admin", "/admin"),
        ("/public/..;/admin", "/admin"),
        ("/public/..;x=y/admin", "/admin"),
        ("/public/..%3b/admin", "/admin"),
        ("/public/..%253bx/admin", "/admin"),
        ("/public\\..\\admin", "/admin"),
        ("/public/..%5cadmin", "/admin"),
        ("//admin", "/admin"),
        ("/public//../admin", "/admin"),
        ("/public//../admin", "/public/admin"),
        ("/%61dmin", "/admin"),
        ("/admin;x", "/admin"),
        ("/admin/.", "/admin/"),
        ("/a/b/..", "/a/"),
        ("/../../admin", "/admin"),
        ("/;/admin", "/admin"),
        ("/.;/admin", "/admin"),
    ] {
        assert!(
            reads_as(sent, read),
            "{sent} as {read}: {:?}",
            readings(sent)
        );
    }
    assert!(!reads_as("/public/a", "/a"));
}

#[test]
fn a_path_that_is_encoded_without_end_has_no_reading() {
    let mut path = "/%2e".to_owned();
    for _ in 0..20 {
        path = path.replace('%', "%25");
    }
    assert_eq!(readings(&path), None);
    // Hostile length costs no time.
    assert_eq!(readings(&format!("/%{}", "25".repeat(4000))), None);
    // What decodes to a control character or to an overlong form only at the second time.
    for path in ["/%2500", "/%250a", "/%25c0%25af"] {
        assert_eq!(readings(path), None, "{path}");
    }
}

/// WSGI servers decode the path and remove no dot segments: Django's `admin/<path:rest>` fits `/admin/../x`.
#[test]
fn cve_2026_40912_an_app_may_decode_and_keep_dot_segments() {
    for (sent, expected) in [
        ("/%61dmin/../x", "/admin/../x"),
        ("/admin;a/../x", "/admin/../x"),
        ("//admin/../x", "/admin/../x"),
        ("/\\admin\\..\\x", "/admin/../x"),
        ("/x/../%61dmin/%2e%2e/y", "/admin/../y"),
        ("/p/q//../..//admin", "/p/admin"),
    ] {
        assert!(reads_as(sent, expected), "{sent}");
    }
}

#[test]
fn some_letters_beyond_ascii_are_ascii_to_apps_that_ignore_case() {
    for (path, lower) in [
        ("/WI\u{212a}I", "/wiki"),
        ("/\u{17f}taff", "/staff"),
        ("/adm\u{130}n", "/admin"),
        ("/adm\u{131}n", "/admin"),
        ("/\u{c4}", "/\u{c4}"),
    ] {
        assert_eq!(ignoring_case(path.as_bytes()), lower.as_bytes(), "{path}");
    }
}

/// A chain of servers: each decodes a part, resolves dots or cuts something off, and hands the rest on.
#[test]
fn a_path_may_be_read_by_one_server_after_another() {
    for (sent, expected) in [
        // Node: `new URL()`, then `decodeURIComponent`, then `path.normalize`.
        ("/p/a%2fb/%2e%2e/..%2fadmin", "/admin"),
        ("/p/a%2fb/..%3bx/admin", "/p/admin"),
        ("/%61/%2e%2e/c%64", "/c%64"),
        ("/p/a%2fb/%2e%2e/..%252f%61dmin", "/admin"),
        // nginx's `proxy_pass http://app$uri`: what was decoded is sent to the app as it is.
        ("/admin%3fx", "/admin"),
        ("/admin%23x", "/admin"),
        ("/admin%253fx", "/admin"),
        ("/p/%2e%2e/admin%3f/../../p", "/admin"),
        ("/p/..;%3f/admin", "/p/.."),
    ] {
        assert!(reads_as(sent, expected), "{sent} as {expected}");
    }
}
