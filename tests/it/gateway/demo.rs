//! `make demo-gateway`: two apps behind nginx, one of them for a group.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::browser::{Browser, Look};
use crate::support::process::{DOORWARD, PATIENCE, Process, get};

fn demo(path: &str, arguments: &[&str]) -> Process {
    let program = Path::new(DOORWARD).with_file_name("examples").join("demo");
    Process::start(
        program,
        &[&["--gateway"], arguments].concat(),
        &[("PATH", path)],
    )
}

#[test]
fn a_demo_without_nginx_or_with_a_port_that_is_taken_says_what_to_do() {
    let without_nginx = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/bin/sh", without_nginx.path().join("sh")).unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (port, expected) in [
        ("0", "nginx is not installed, or not in the PATH. "),
        (
            &*port,
            &format!(
                "Port {port} is in use. Choose another: cargo run --example demo -- --gateway --port "
            ),
        ),
    ] {
        let mut demo = demo(without_nginx.path().to_str().unwrap(), &["--port", port]);
        let printed = demo.gives_up();
        assert!(printed.contains(expected), "{printed}");
        assert_eq!(demo.files(), [""; 0]);
    }
    let path = std::env::var("PATH").unwrap();
    let mut demo = demo(&path, &["--port", "0", "--provider-port", &port]);
    let printed = demo.gives_up();
    let expected = "cargo run --example demo -- --gateway --provider-port ";
    assert!(printed.contains(expected), "{printed}");
}

mod slow {
    use super::*;

    /// Where `SCREENSHOTS` says, pictures of the pages are kept, to be looked at.
    async fn picture(browser: &Browser, name: &str) {
        if let Ok(folder) = std::env::var("SCREENSHOTS") {
            let path = Path::new(&folder).join(format!("gateway-{name}.png"));
            browser.screenshot(&path).await;
        }
        let wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        assert_eq!(browser.evaluate(wider).await, false, "{name} is too wide");
    }

    /// The rest of the line of `printed` after `words`.
    fn after<'t>(printed: &'t str, words: &str) -> &'t str {
        let (_, rest) = printed.split_once(words).expect(words);
        rest.lines().next().unwrap().trim()
    }

    fn url(printed: &str, name: &str) -> String {
        let line = after(printed, &format!("\n  {name} "));
        line.split(' ').next().unwrap().to_owned()
    }

    /// What the command that the demo prints says, with its exit status.
    fn explained(printed: &str) -> (Option<i32>, String) {
        let line = "RULES_FILE=".to_owned() + after(printed, "     RULES_FILE=");
        let (variables, arguments) = line.split_once(" cargo run -q -- ").unwrap();
        let variables: Vec<_> = variables
            .split(' ')
            .map(|variable| variable.split_once('=').unwrap())
            .collect();
        let arguments: Vec<_> = arguments.split(' ').collect();
        Process::start(DOORWARD, &arguments, &variables).ends()
    }

    fn nginx_at(url: &str) -> SocketAddr {
        let port = url::Url::parse(url).unwrap().port().unwrap();
        (Ipv4Addr::LOCALHOST, port).into()
    }

    async fn journey(look: Look, name: &str) {
        let mut demo = demo(&std::env::var("PATH").unwrap(), &["--port", "0"]);
        let printed = demo.says("Ctrl-C stops everything");
        let [wiki, metrics, auth] = ["Wiki", "Metrics", "Doorward"].map(|name| url(&printed, name));
        let browser = Browser::start(look).await;
        // 1. The wiki knows Ada.
        browser.goto(&wiki).await;
        browser.click("#person-ada").await;
        assert_eq!(browser.text("#remote-email").await, "ada@example.com");
        assert_eq!(browser.text("#remote-groups").await, "none");
        assert_eq!(browser.url().await.as_str(), wiki);
        picture(&browser, &format!("{name}-wiki")).await;
        // 2. Metrics is not for her, and the command says why.
        browser.click("#other-app").await;
        let sentence = browser.text("#refused-sentence").await;
        assert!(
            sentence.contains("this app is not open to you"),
            "{sentence}"
        );
        let person = browser.text("#refused-person").await;
        assert!(person.contains("ada@example.com"), "{person}");
        picture(&browser, &format!("{name}-refused")).await;
        let (code, said) = explained(&printed);
        assert_eq!(code, Some(1), "{said}");
        let because = "rule   2 \"metrics\": groups admins\n  ada@example.com: refused. In no groups; none of admins.\n";
        assert!(said.contains(because), "{said}");
        // 3. Grace is in the group.
        browser.click("#logout-button").await;
        browser.wait_for("#login-button").await;
        browser.goto(&metrics).await;
        browser.click("#person-grace").await;
        assert_eq!(browser.text("#remote-name").await, "Grace Hopper");
        assert_eq!(browser.text("#remote-groups").await, "staff,admins");
        picture(&browser, &format!("{name}-metrics")).await;
        // 4. One sign-in and one sign-out for both.
        browser.click("#other-app").await;
        browser.wait_for_url(|url| url.as_str() == wiki).await;
        assert_eq!(browser.text("#remote-user").await, "00ugrace");
        browser.click("#sign-out").await;
        browser.click("#logout-button").await;
        browser.wait_for("#login-button").await;
        assert!(browser.url().await.as_str().starts_with(&auth));
        for app in [&wiki, &metrics] {
            browser.goto(app).await;
            browser.wait_for("#person-ada").await;
        }
        // 5. Whoever signs out at the provider is out at both, at the next request.
        browser.click("#person-grace").await;
        assert_eq!(browser.text("#remote-user").await, "00ugrace");
        browser.goto(&url(&printed, "demo provider")).await;
        browser.click("#sign-out").await;
        browser
            .wait_for_url(|url| url.path() == "/end_session")
            .await;
        browser.goto(&metrics).await;
        browser.wait_for("#person-ada").await;
        browser.goto(&wiki).await;
        browser.wait_for("#person-ada").await;
        demo.signal("INT");
        let (code, printed) = demo.ends();
        assert_eq!(code, Some(0), "{printed}");
        assert_eq!(demo.files(), [""; 0], "its folder is gone");
        assert!(get(nginx_at(&wiki), "/").is_none());
    }

    #[actix_web::test]
    async fn in_a_browser_one_app_opens_and_the_other_says_why_it_does_not() {
        journey(Look::DESKTOP, "desktop").await;
    }

    #[actix_web::test]
    async fn the_same_on_a_phone_in_the_dark() {
        let look = Look {
            dark: true,
            ..Look::PHONE
        };
        journey(look, "phone-dark").await;
    }

    #[test]
    fn nginx_ends_with_a_demo_that_is_killed() {
        let mut demo = demo(&std::env::var("PATH").unwrap(), &["--port", "0"]);
        let nginx = nginx_at(&url(&demo.says("Ctrl-C stops everything"), "Wiki"));
        assert!(get(nginx, "/").is_some());
        demo.kill();
        let deadline = Instant::now() + PATIENCE;
        while get(nginx, "/").is_some() {
            assert!(Instant::now() < deadline, "{}", demo.printed());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
