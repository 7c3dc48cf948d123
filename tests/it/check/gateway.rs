//! The gateway: its rules, where it listens, and who may ask.

use super::{check_with, complaints_with};
use crate::support::process::rules_file;
use crate::support::{Database, TestApp};

/// What is not well with these rules and settings.
fn complaints(app: &TestApp, rules: &str, settings: &[(&str, &str)]) -> Vec<String> {
    let rules = rules_file(rules);
    let own = [
        ("RULES_FILE", rules.path.as_str()),
        ("GATEWAY_ADDR", "127.0.0.1:9091"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ];
    complaints_with(app, &[&own[..], settings].concat())
}

const WIKI: &str = "[[rule]]\nname='wiki'\nhosts=['wiki.test']\nallow='signed-in'\n";

#[actix_web::test]
async fn a_gateway_that_is_set_up_well_has_three_lines() {
    let app = TestApp::spawn_on(Database::Sqlite);
    assert_eq!(complaints(&app, WIKI, &[]), [""; 0]);
    let rules = rules_file(WIKI);
    let settings = [
        ("RULES_FILE", rules.path.as_str()),
        ("GATEWAY_ADDR", "unix:/run/doorward/gateway.sock"),
        ("TRUSTED_PROXIES", "unix"),
    ];
    let (_, printed) = check_with(&app, &[], &settings);
    for line in [
        &format!(
            "rules          {} is valid: rules 1, hosts 1.\n",
            rules.path
        ),
        "gateway_addr   the Unix socket /run/doorward/gateway.sock: only this machine.\n",
        "proxies        TRUSTED_PROXIES names single machines or small networks.\n",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    // Who has no gateway reads nothing of it.
    let (_, printed) = check_with(&app, &[], &[]);
    assert!(!printed.contains("gateway_addr"), "{printed}");
}

#[actix_web::test]
async fn rules_that_may_be_meant_otherwise_are_warnings() {
    let app = TestApp::spawn_on(Database::Sqlite);
    let own = app.url.strip_prefix("http://").unwrap();
    let rules = format!(
        "[[rule]]\nname='open'\nhosts=['open.test']\npaths=['/']\nnetworks=['0.0.0.0/0']\nallow='public'\n\
         [[rule]]\nname='open in part'\nhosts=['open.test']\npaths=['/a']\nallow='signed-in'\n\
         [[rule]]\nname='self'\nhosts=['{own}']\nallow='signed-in'\n\
         [[rule]]\nname='staff'\nhosts=['wiki.test']\ngroups=['staff']\n"
    );
    let all = "warning rules line 1: \"open\" lets everybody in everywhere at open.test. Fix: name the paths that are public, \
               or write allow = \"signed-in\".";
    let own = "warning rules line 12: \"self\" is for PUBLIC_URL's own host: signing in must not need a sign-in. Fix: let the \
               proxy send that host to Doorward without a check, and delete it from the rule.";
    let groups = "warning rules line 16: \"staff\" names groups, and OIDC_SCOPES (openid email profile) has no scope that \
                  brings them. Fix: add the provider's scope for groups, often called groups, or see that the provider sends \
                  them without one: `doorward users show PERSON` shows a person's groups.";
    assert_eq!(complaints(&app, &rules, &[]), [all, own, groups]);
    let scopes = [("OIDC_SCOPES", "openid email groups")];
    let mut found = complaints(&app, &rules, &scopes);
    found.retain(|line| line.starts_with("warning rules "));
    assert_eq!(found, [all, own]);
}

/// RFC 6265, 8.5: cookies take no notice of ports.
#[actix_web::test]
async fn apps_that_differ_in_their_port_alone_are_a_warning() {
    let app = TestApp::spawn_on(Database::Sqlite);
    let rules = "[[rule]]\nname='one'\nhosts=['localhost', '[::1]', '[::2]:8443', '*.localhost']\nallow='signed-in'\n\
         [[rule]]\nname='two'\nhosts=['wiki.test', 'wiki.test:8443', 'a.wiki.test:8443']\nallow='signed-in'\n\
         [[rule]]\nname='three'\nhosts=['wiki.test:8443']\npaths=['/x']\nallow='nobody'\n";
    let rules = rules.replace("allow='signed-in'", "groups=['x']\nmethods=['GET']");
    let mut found = complaints(&app, &rules, &[("OIDC_SCOPES", "openid groups")]);
    found.retain(|line| line.starts_with("warning rules "));
    assert_eq!(
        found,
        [
            "warning rules line 1: \"one\" is for localhost, the name of PUBLIC_URL at another port: browsers send Doorward's \
             session cookie there, too. Fix: give each app a name of its own.",
            "warning rules line 6: \"two\" is for wiki.test:8443, and browsers send cookies of wiki.test there, too: each of the \
             apps can enter the other one as its visitors. Fix: give each app a name of its own.",
        ]
    );
}

/// Express, Rails and others serve /admin at /admin/ as well.
#[actix_web::test]
async fn an_exact_path_that_is_guarded_is_a_warning_where_another_rule_is_for_the_same_with_a_slash()
 {
    let app = TestApp::spawn_on(Database::Sqlite);
    let rule = |name: &str, place: &str, allow: &str| {
        format!("[[rule]]\nname='{name}'\nhosts=['*.wiki.test']\n{place}\nallow='{allow}'\n")
    };
    let found = |rules: &[String]| {
        let mut found = complaints(&app, &rules.concat(), &[]);
        found.retain(|line| line.starts_with("warning rules "));
        found
    };
    let exact = rule("admin", "paths=['=/', '/b', '=/*/admin']", "nobody");
    let all = rule("all", "", "signed-in");
    let expected = "warning rules line 1: \"admin\" guards /*/admin exactly, and /*/admin/ is for \"all\": many apps serve the \
                    same page at both. Fix: leave out the =, which guards all below the path, too.";
    assert_eq!(found(&[exact.clone(), all.clone()]), [expected]);
    let none: [&str; 0] = [];
    for fine in [
        &[exact.clone()][..],
        &[
            exact.clone(),
            rule("b", "paths=['/*/admin']", "nobody"),
            all.clone(),
        ],
        &[rule("open", "paths=['=/healthz']", "public"), all.clone()],
        &[
            rule("admin", "paths=['=/admin', '=/admin/']", "nobody"),
            all,
        ],
    ] {
        assert_eq!(found(fine), none, "{fine:?}");
    }
}

#[actix_web::test]
async fn a_gateway_that_visitors_may_reach_is_a_warning() {
    let app = TestApp::spawn_on(Database::Sqlite);
    for (addr, reach) in [
        ("0.0.0.0:9091", Some("every address of this machine")),
        ("[::]:9091", Some("every address of this machine")),
        ("203.0.113.7:9091", Some("a public address")),
        ("[2001:db8::1]:9091", Some("a public address")),
        ("10.1.2.3:9091", None),
        ("[fd00::1]:9091", None),
        ("[::1]:9091", None),
    ] {
        let found = complaints(&app, WIKI, &[("GATEWAY_ADDR", addr)]);
        let expected = reach.map(|reach| {
            format!("warning gateway_addr {addr} is {reach}, and visitors must not reach the gateway. Fix: ")
        });
        assert_eq!(found.len(), usize::from(reach.is_some()), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(&expected), "{found}");
        }
    }
    let same = [
        ("GATEWAY_ADDR", "127.0.0.1:9464"),
        ("METRICS_ADDR", "0.0.0.0:9464"),
    ];
    let found = complaints(&app, WIKI, &same);
    assert_eq!(
        found,
        [
            "fault gateway_addr 127.0.0.1:9464 and METRICS_ADDR 0.0.0.0:9464 are the same port of the same machine: one of \
             them can't be bound. Fix: choose another port."
        ]
    );
}

#[actix_web::test]
async fn a_large_network_of_proxies_is_a_warning() {
    let app = TestApp::spawn_on(Database::Sqlite);
    for (networks, wide) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("172.16.0.0/12, 192.168.0.0/16", "172.16.0.0/12"),
        ("fd00::/8 10.1.0.0/16", "fd00::/8"),
        ("10.1.0.0/16 fd00:1:2::/48 127.0.0.1", ""),
    ] {
        let found = complaints(&app, WIKI, &[("TRUSTED_PROXIES", networks)]);
        let expected: &[String] = &[format!(
            "warning proxies TRUSTED_PROXIES has {wide}: every machine in there may ask the gateway, and may claim any client \
             address. Fix: name the proxies' own addresses."
        )];
        let expected = if wide.is_empty() { &[] } else { expected };
        assert_eq!(found, expected, "{networks}");
    }
}
