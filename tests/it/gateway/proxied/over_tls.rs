//! As in production: https, HTTP/2 to the browser, and cookies with the prefix that only their own host can set.

mod slow {
    use std::path::Path;
    use std::process::Command;

    use tempfile::TempDir;

    use super::super::app::App;
    use super::super::{Proxied, Proxy, Site};
    use crate::check::check_with;
    use crate::support::browser::{Browser, Look};

    /// A certificate for the hosts below `apps.localhost`, and its key.
    fn certificate() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args(["-days", "30", "-subj", "/CN=apps.localhost"])
            .args(["-addext", "subjectAltName=DNS:*.apps.localhost"])
            .args(["-keyout", "tls.key", "-out", "tls.crt"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        folder
    }

    fn start(certificate: &Path) -> Proxied {
        let behind = App::start();
        let site = |port| Site {
            public_url: format!("https://auth.apps.localhost:{port}"),
            rules: format!(
                "[[rule]]\nname='wiki'\nhosts=['wiki.apps.localhost:{port}']\nallow='signed-in'\n"
            ),
        };
        let folder = certificate.display();
        let tls = format!(
            "ssl; http2 on; ssl_certificate {folder}/tls.crt; ssl_certificate_key {folder}/tls.key;"
        );
        let edit = |text: String| {
            let listen = text
                .lines()
                .find_map(|line| line.trim().strip_prefix("listen "));
            let front = listen.unwrap().trim_end_matches(';').to_owned();
            let evil = format!(
                "server {{ listen {front} {tls} server_name evil.apps.localhost; default_type text/html; \
                 location / {{ return 200 '<p id=\"evil\">evil</p>'; }} }}\n}}"
            );
            let text = text
                .replace(
                    &format!("listen {front};"),
                    &format!("listen {front} {tls}"),
                )
                .replace("auth.localhost", "auth.apps.localhost")
                .replace(
                    "wiki.localhost metrics.localhost wiki.test",
                    "wiki.apps.localhost",
                );
            let text = text.trim_end();
            text.strip_suffix('}').unwrap().to_owned() + &evil
        };
        let mut proxied = Proxied::start_site(Proxy::NginxCurrent, behind.addr, site, edit);
        proxied.behind = Some(behind);
        proxied
    }

    fn url(proxied: &Proxied, host: &str, path: &str) -> String {
        format!("https://{host}.apps.localhost:{}{path}", proxied.port)
    }

    /// As the documents show it.
    #[actix_web::test]
    async fn a_check_through_the_proxy_speaks_tls() {
        let certificate = certificate();
        let proxied = start(certificate.path());
        let ca_file = certificate.path().join("tls.crt");
        let wiki = url(&proxied, "wiki", "/reports?x=1");
        let arguments = ["--through", wiki.as_str()];
        let variables = [("OIDC_CA_FILE", ca_file.to_str().unwrap())];
        let (_, printed) = check_with(&proxied.app, &arguments, &variables);
        let complaints: Vec<&str> = printed
            .lines()
            .skip_while(|line| !line.contains(" through "))
            .take_while(|line| !line.contains(" discovery "))
            .filter(|line| !line.starts_with("ok "))
            .collect();
        assert!(printed.contains(" through "), "{printed}");
        assert_eq!(complaints, [""; 0], "{printed}");
        // Without that file it says what is wrong, in words for people.
        let (_, printed) = check_with(&proxied.app, &arguments, &[]);
        let line = printed.lines().find(|line| line.contains(" sign_in "));
        let line = line.unwrap_or_else(|| panic!("{printed}"));
        assert!(line.starts_with("can't tell"), "{line}");
        assert!(
            line.contains("no response: its certificate for *.apps.localhost"),
            "{line}"
        );
        assert!(
            line.ends_with("not one of those in OIDC_CA_FILE."),
            "{line}"
        );
    }

    #[actix_web::test]
    async fn a_sibling_host_can_not_toss_cookies_at_an_app_nor_at_the_sign_in() {
        let certificate = certificate();
        let proxied = start(certificate.path());
        let browser = Browser::start(Look::DESKTOP).await;
        let deep = url(&proxied, "wiki", "/reports?x=1&y=%2F");
        browser.goto(&deep).await;
        browser.click("#person-ada").await;
        let seen = browser.text("#seen").await;
        assert_eq!(browser.url().await.as_str(), deep);
        assert!(seen.contains("remote-email: ada@example.com"), "{seen}");
        let spoken = "performance.getEntriesByType('navigation')[0].nextHopProtocol";
        assert_eq!(browser.evaluate(spoken).await, "h2");
        let own = browser.cookies().await;
        let port = proxied.port;
        let session = format!("__Host-doorward-app.{port}");
        assert!(own.contains(&session), "{own}");

        browser.goto(&url(&proxied, "evil", "/")).await;
        browser.text("#evil").await;
        let of_site = format!(".{port}");
        let mut names = Vec::new();
        for name in [
            "doorward",
            "doorward-app",
            "doorward-pending-0",
            "doorward-login-",
            "doorward-logout",
        ] {
            for prefix in [
                "__Host-",
                "__host-",
                "",
                "=__Host-",
                "\u{2000}__Host-",
                " __Host-",
                "\t__Host-",
            ] {
                for site in [of_site.as_str(), ""] {
                    names.push(format!("{prefix}{name}{site}"));
                }
            }
        }
        let names = serde_json::to_string(&names).unwrap();
        let toss = format!(
            "(() => {{ for (const name of {names}) document.cookie = name + '=x; Domain=apps.localhost; Path=/; Secure'; \
             return document.cookie; }})()"
        );
        let tossed = browser.evaluate(&toss).await;
        let tossed = tossed.as_str().unwrap();
        assert!(
            tossed.contains(&format!("doorward-app.{port}=x")),
            "{tossed}"
        );

        browser.goto(&deep).await;
        assert!(browser.text("#seen").await.contains("ada@example.com"));
        browser.goto(&url(&proxied, "auth", "/profile")).await;
        assert_eq!(browser.text("#claim-subject").await, "00uada");
        // The whole way once more, with them.
        browser.click("#logout-button").await;
        browser.wait_for("#login-button").await;
        browser.goto(&deep).await;
        browser.click("#person-ada").await;
        assert!(browser.text("#seen").await.contains("ada@example.com"));
        assert_eq!(browser.url().await.as_str(), deep);
    }
}
