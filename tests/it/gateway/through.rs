//! `doorward check --through`, with real proxies: as their documents have them, and with lines that are missing.

use serde_json::Value;

use super::proxied::{Proxied, Proxy};
use crate::check::check_with;
use crate::support::process::free_addr;

/// Verdict, check, message and fix of what is said about an address that needs a sign-in, and one that is public. `edit`
/// changes the proxy's configuration.
fn found(proxy: Proxy, edit: impl Fn(String) -> String) -> Vec<[String; 4]> {
    let app = free_addr();
    let proxied = Proxied::start_edited(proxy, app, edit);
    let (private, public) = (
        proxied.url("wiki", "/reports?x=1"),
        proxied.url("wiki", "/public"),
    );
    let app = app.to_string();
    let arguments = [
        "--json",
        "--through",
        &private,
        "--through",
        &public,
        "--as-app",
        &app,
    ];
    let (_, printed) = check_with(&proxied.app, &arguments, &[]);
    let report: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{printed}"));
    let checks = report["checks"].as_array().unwrap().iter();
    let checks = checks.skip_while(|it| it["check"] != "through");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = checks
        .take_while(|it| it["check"] != "discovery")
        .map(|it| ["verdict", "check", "message", "fix"].map(|name| text(&it[name])));
    checks.collect()
}

/// As [`found`]: what is not well.
fn complaints(proxy: Proxy, edit: impl Fn(String) -> String) -> Vec<[String; 4]> {
    let mut found = found(proxy, edit);
    found.retain(|[verdict, ..]| verdict != "ok");
    found
}

/// A change to a proxy's configuration, and for each complaint its check and what message or fix say.
type Case<'a> = (Edit<'a>, &'a [(&'a str, &'a str)]);

/// A change to a proxy's configuration.
enum Edit<'a> {
    /// Without the lines that have one of these texts.
    Without(&'a [&'a str]),
    /// With the second text instead of the first one.
    Instead(&'a str, &'a str),
}

impl Edit<'_> {
    fn of(&self, text: &str) -> String {
        match self {
            Edit::Without(lines) => {
                let is_kept = |line: &&str| !lines.iter().any(|it| line.contains(it));
                let kept = text.lines().filter(is_kept);
                kept.map(|line| format!("{line}\n")).collect()
            }
            Edit::Instead(from, to) => text.replace(from, to),
        }
    }
}

fn assert_each_is_found(proxy: Proxy, cases: &[Case<'_>]) {
    let mut wrong = Vec::new();
    for (number, (edit, expected)) in cases.iter().enumerate() {
        let found = complaints(proxy, |text| edit.of(&text));
        let is_as_expected = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, (name, line))| {
                let [_, check, message, fix] = found;
                check == name && (fix.contains(line) || message.contains(line))
            });
        if !is_as_expected {
            wrong.push((number, found));
        }
    }
    assert!(wrong.is_empty(), "{proxy:?}: {wrong:#?}");
}

mod slow {
    use super::*;

    #[actix_web::test]
    async fn each_document_shows_a_configuration_that_lets_nothing_through() {
        for proxy in [
            Proxy::Nginx,
            Proxy::NginxCurrent,
            Proxy::Caddy,
            Proxy::CaddyCurrent,
            Proxy::Haproxy,
            Proxy::HaproxyCurrent,
            Proxy::Traefik,
            Proxy::Envoy,
        ] {
            let found = found(proxy, |text| text);
            let complaints: Vec<_> = found.iter().filter(|[it, ..]| it != "ok").collect();
            assert!(complaints.is_empty(), "{proxy:?}: {complaints:#?}");
            assert_eq!(found.len(), 19, "{proxy:?}: {found:#?}");
        }
    }

    /// What can't be told where Doorward's redirect does not come.
    const REST: &str = "needs the redirect to the sign-in";

    #[actix_web::test]
    async fn a_line_that_nginx_lacks_is_named() {
        assert_each_is_found(
            Proxy::Nginx,
            &[
                (
                    Edit::Without(&["auth_request /_doorward;"]),
                    &[
                        ("sign_in", "`auth_request /_doorward;`"),
                        ("script", REST),
                        ("absolute_form", REST),
                        ("two_hosts", REST),
                        ("client_headers", REST),
                        ("client_addr", REST),
                        ("body", REST),
                        ("long_redirect", REST),
                        ("long_cookie", REST),
                    ],
                ),
                (
                    Edit::Without(&["error_page 401"]),
                    &[
                        ("sign_in", "`error_page 401 = @doorward_401;`"),
                        ("script", REST),
                        ("absolute_form", REST),
                        ("two_hosts", REST),
                        ("client_headers", REST),
                        ("client_addr", REST),
                        ("body", REST),
                        ("long_redirect", REST),
                        ("long_cookie", REST),
                    ],
                ),
                (
                    Edit::Instead(
                        "X-Original-URL $scheme",
                        "X-Original-URL $scheme://$http_host$request_uri; #",
                    ),
                    &[("absolute_form", "$host$request_uri")],
                ),
                (
                    Edit::Without(&["add_header Set-Cookie"]),
                    &[("cookie", "`add_header Set-Cookie $doorward_cookie always;`")],
                ),
                (
                    Edit::Without(&["Cache-Control"]),
                    &[("no_store", "`add_header Cache-Control no-store always;`")],
                ),
                (
                    Edit::Instead("return 401;", "return 303 /login;"),
                    &[("script", "a script gets a redirect to ")],
                ),
                (
                    Edit::Without(&["Content-Length"]),
                    &[("body", "`proxy_set_header Content-Length \"\";`")],
                ),
                (
                    Edit::Without(&["proxy_buffer_size", "proxy_buffers"]),
                    &[(
                        "long_redirect",
                        "`proxy_buffer_size 16k;` and `proxy_buffers 4 16k;`",
                    )],
                ),
                (
                    Edit::Without(&["X-Forwarded-For"]),
                    &[
                        (
                            "client_addr",
                            "`proxy_set_header X-Forwarded-For $remote_addr;`",
                        ),
                        ("app_forwarded", "X-Forwarded-For as the client makes it up"),
                    ],
                ),
                (
                    Edit::Without(&["proxy_set_header Remote-Groups"]),
                    &[(
                        "identity",
                        "`proxy_set_header Remote-Groups $doorward_Remote_Groups;`",
                    )],
                ),
                // Whether they would have reached the app is not known.
                (
                    Edit::Instead(
                        "access_log access.log without_code;",
                        "if ($http_remote_user) { return 502; }",
                    ),
                    &[("identity", "what the app gets of them is not known")],
                ),
                (
                    Edit::Without(&["proxy_set_header Host"]),
                    &[("app_host", "`proxy_set_header Host $host;`")],
                ),
                (
                    Edit::Without(&["X-Forwarded-Proto"]),
                    &[(
                        "app_forwarded",
                        "X-Forwarded-Proto as the client makes it up",
                    )],
                ),
                (
                    Edit::Instead("Upgrade $websocket", "Upgrade $http_upgrade"),
                    &[("app_upgrade", "`proxy_set_header Upgrade $websocket;`")],
                ),
                (
                    Edit::Instead(
                        "access_log off;",
                        "access_log off; underscores_in_headers on; ignore_invalid_headers off;",
                    ),
                    &[("aliases", "`underscores_in_headers off;`")],
                ),
            ],
        );
    }

    #[actix_web::test]
    async fn a_line_that_caddy_lacks_is_named() {
        let remove: Case<'_> = (
            Edit::Without(&["import remove_identity"]),
            &[("aliases", "`import remove_identity`")],
        );
        let trust: Case<'_> = (
            Edit::Instead(
                "\tadmin off",
                "\tadmin off\n\tservers {\n\t\ttrusted_proxies static 127.0.0.1\n\t}",
            ),
            &[
                ("client_headers", "no strangers in `trusted_proxies`"),
                ("client_addr", "no strangers in `trusted_proxies`"),
                (
                    "app_forwarded",
                    "the app gets X-Forwarded-Proto, X-Forwarded-For as the client makes it up",
                ),
            ],
        );
        let upgrade: Case<'_> = (
            Edit::Without(&["import only_websockets"]),
            &[("app_upgrade", "Caddy: `import only_websockets`")],
        );
        assert_each_is_found(Proxy::CaddyCurrent, &[remove, trust, upgrade]);
        let remove: Case<'_> = (
            Edit::Without(&["import remove_identity"]),
            &[("aliases", "`import remove_identity`")],
        );
        assert_each_is_found(Proxy::Caddy, &[remove]);
    }

    #[actix_web::test]
    async fn a_line_that_haproxy_lacks_is_named() {
        assert_each_is_found(
            Proxy::Haproxy,
            &[
                (
                    Edit::Without(&["del-header"]),
                    &[
                        ("aliases", "HAProxy: `http-request del-header ^remote"),
                        ("app_upgrade", "HAProxy: `http-request set-header Upgrade"),
                    ],
                ),
                (
                    Edit::Without(&["set-header X-Forwarded-For"]),
                    // The script tells Doorward the address itself.
                    &[("app_forwarded", "X-Forwarded-For as the client makes it up")],
                ),
            ],
        );
    }

    #[actix_web::test]
    async fn a_line_that_traefik_lacks_is_named() {
        assert_each_is_found(
            Proxy::Traefik,
            &[
                (
                    Edit::Without(&["aliasHeadersStrategy"]),
                    &[("aliases", "Traefik: `aliasHeadersStrategy: delete`")],
                ),
                (
                    Edit::Without(&["authResponseHeadersRegex"]),
                    &[("identity", "Traefik: `authResponseHeadersRegex")],
                ),
            ],
        );
    }
}
