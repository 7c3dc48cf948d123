use crate::gateway::rules::Rules;

#[test]
fn each_fault_of_a_file_is_named_with_its_line() {
    let text = r#"color = 1

[[rule]]
name = "a"
hosts = ["a.test", "https://b.test", 7]
paths = ["/x/*.css", "/y/", "=/z"]
methods = ["get", "HEAD", "TRACE"]
networks = ["10.0.0.0/33", "office"]
allow = "everyone"

[[rule]]
name = "a"
hosts = []
groups = ["staff", ""]
emails = ["ada", "a@b@c"]
email_domains = ["*.example.com", "@example.com"]
max_age = "1 h"
hostss = ["a.test"]

[[rule]]
hosts = ["c.test"]

[[rule]]
name = ""
hosts = ["d.test"]
allow = "public"
max_age = "1h"
acr = ["phr"]
cors_origins = ["https://spa.test/", "*", "null"]

[[rule]]
name = "both"
hosts = ["e.test"]
allow = "signed-in"
subjects = ["ada"]
"#;
    let faults = Rules::parse(text).unwrap_err();
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    let of_line = |line| lines.iter().filter(|it| **it == line).count();
    for (line, count) in [
        (1, 1),
        (5, 2),
        (6, 2),
        (7, 3),
        (8, 2),
        (9, 1),
        (12, 0),
        (13, 1),
        (14, 1),
        (15, 2),
        (16, 2),
        (17, 1),
        (18, 1),
        (24, 1),
        (27, 1),
        (28, 1),
        (29, 3),
        (34, 1),
    ] {
        assert_eq!(of_line(line), count, "line {line}: {faults:#?}");
    }
    // A rule that lacks something: its first line. The second "a": as well.
    assert_eq!(of_line(20), 2, "{faults:#?}");
    assert_eq!(of_line(11), 1, "{faults:#?}");
    assert_eq!(faults.len(), 29, "{faults:#?}");
}

/// It is sent to the provider and to programs.
#[test]
fn an_acr_fits_a_list_and_a_header() {
    let parse = |acr: &str| {
        let text = "[[rule]]\nname = 'a'\nhosts = ['a.test']\nallow = 'signed-in'\nacr = ";
        Rules::parse(&format!("{text}{acr}"))
    };
    assert!(parse("['urn:x:y', 'phr']").is_ok());
    let (long, longer) = ("x".repeat(299), "x".repeat(149));
    assert!(parse(&format!("['{long}']")).is_ok());
    for wrong in [
        "['']".to_owned(),
        "['p hr']".to_owned(),
        "['phr\"']".to_owned(),
        "['ph\\r']".to_owned(),
        "['phré']".to_owned(),
        format!("['{long}xx']"),
        format!("['{longer}', '{longer}xxx']"),
    ] {
        let faults = parse(&wrong).unwrap_err();
        assert_eq!(faults.len(), 1, "{wrong}: {faults:#?}");
        assert_eq!(faults[0].line, 5, "{wrong}");
    }
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    for (text, line) in [
        ("[[rule]\nname = 'a'", 1),
        ("[[rule]]\nname = a", 2),
        ("[[rule]]\nname = 'a'\nname = 'b'", 3),
        ("\n\n[rule]\nname = 'a'", 3),
        ("", 1),
        ("rule = 1", 1),
        ("rule = [1]", 1),
    ] {
        let faults = Rules::parse(text).unwrap_err();
        assert_eq!(faults[0].line, line, "{text}: {faults:?}");
    }
    let large = "#".repeat((1 << 20) + 1);
    assert!(
        Rules::parse(&large).unwrap_err()[0]
            .fault
            .contains("larger")
    );
}

#[test]
fn a_rule_that_no_request_reaches_is_a_fault() {
    let rule = |name: &str, rest: &str| {
        format!("[[rule]]\nname = '{name}'\nallow = 'signed-in'\n{rest}\n")
    };
    for (first, second, is_hidden) in [
        (
            "hosts = ['a.test']",
            "hosts = ['a.test']\npaths = ['/x']",
            true,
        ),
        ("hosts = ['*.test']", "hosts = ['a.test']", true),
        (
            "hosts = ['*.test']",
            "hosts = ['a.test', 'b.c.test']",
            false,
        ),
        (
            "hosts = ['a.test']\npaths = ['/x']",
            "hosts = ['a.test']\npaths = ['/x/y', '=/x']",
            true,
        ),
        (
            "hosts = ['a.test']\npaths = ['/x']",
            "hosts = ['a.test']",
            false,
        ),
        (
            "hosts = ['a.test']\npaths = ['/']",
            "hosts = ['a.test']",
            true,
        ),
        (
            "hosts = ['a.test']\nmethods = ['GET']",
            "hosts = ['a.test']",
            false,
        ),
        (
            "hosts = ['a.test']\nmethods = ['GET', 'PUT']",
            "hosts = ['a.test']\nmethods = ['PUT']",
            true,
        ),
        (
            "hosts = ['a.test']\nnetworks = ['10.0.0.0/8']",
            "hosts = ['a.test']",
            false,
        ),
        (
            "hosts = ['a.test']\nnetworks = ['10.0.0.0/8']",
            "hosts = ['a.test']\nnetworks = ['10.1.0.0/16']",
            true,
        ),
        ("hosts = ['a.test']", "hosts = ['b.test']", false),
    ] {
        let parsed = Rules::parse(&(rule("first", first) + &rule("second", second)));
        assert_eq!(parsed.is_err(), is_hidden, "{first} {second}");
        if let Err(faults) = parsed {
            assert!(
                faults[0].fault.contains("\"first\" on line 1"),
                "{faults:?}"
            );
        }
    }
}
