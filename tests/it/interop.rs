//! A provider that is not ours: `oidc-provider` from the npm registry, which is certified by the OpenID
//! Foundation, and people who sign in there in Chromium. It needs Node.js, so `make interop` runs it and `make test`
//! does not.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use doorward::clock::Clock;
use doorward::server::Doorward;
use doorward::settings::Settings;
use serde_json::{Value, json};

use crate::support::app::{Database, SESSION_KEY, Storage};
use crate::support::browser::{Browser, Look};
use crate::support::{log, process};

/// With characters that have a meaning in forms and headers; more than ASCII is not allowed there.
const CLIENT_ID: &str = "interop client:&%+/";
const CLIENT_SECRET: &str = "s3cret+ &:%/=of-interop";

/// How long Node.js may take to start the provider, with all packages to be read from a disk that is busy.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Keys as the WebDriver standard names them.
const TAB: char = '\u{E004}';
const ENTER: char = '\u{E007}';

/// `interop/provider.mjs` as a process. It ends with this, and with the test process.
struct ForeignProvider {
    issuer: String,
    process: Child,
    orders: ChildStdin,
    events: Receiver<Value>,
}

impl ForeignProvider {
    fn start(client: &Value, settings: &Value, intermediary: Intermediary) -> ForeignProvider {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/provider.mjs");
        let http10 = intermediary == Intermediary::Http10;
        let argument = json!({ "client": client, "settings": settings, "http10": http10 });
        let mut process = Command::new("node")
            .args([script, &argument.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Node.js is there: run `make interop`, which sees to it");
        let orders = process.stdin.take().expect("it is a pipe");
        let stdout = BufReader::new(process.stdout.take().expect("it is a pipe"));
        let stderr = BufReader::new(process.stderr.take().expect("it is a pipe"));
        let (report, events) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = report.send(serde_json::from_str(&line).expect("each line is JSON"));
            }
        });
        // Printed by the test, so that it is shown where the test fails.
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                eprintln!("provider: {line}");
            }
        });
        let mut provider = ForeignProvider {
            issuer: String::new(),
            process,
            orders,
            events,
        };
        provider.issuer = provider.event("issuer").as_str().unwrap().to_owned();
        provider
    }

    /// The provider's next event with that name.
    fn event(&self, name: &str) -> Value {
        loop {
            let line = self.events.recv_timeout(START_TIMEOUT);
            let mut line =
                line.unwrap_or_else(|error| panic!("the provider tells no {name}: {error}"));
            if let Some(value) = line.get_mut(name) {
                return value.take();
            }
        }
    }

    /// New keys, and none of the old ones.
    fn rotate_keys(&mut self) {
        writeln!(self.orders, "rotate").expect("the provider reads its orders");
        self.event("rotated");
    }

    async fn key_ids(&self) -> Vec<String> {
        let mut answer = awc::Client::default()
            .get(format!("{}/jwks", self.issuer))
            .send()
            .await
            .unwrap();
        let set: Value = serde_json::from_slice(&answer.body().await.unwrap()).unwrap();
        let keys = set["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for ForeignProvider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is between the provider and everybody else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intermediary {
    Nothing,
    /// A plain HTTP/1.0 server: `interop/http10.py`.
    Http10,
}

/// A running Doorward that is registered there.
struct Interop {
    url: String,
    provider: ForeignProvider,
    storage: Storage,
    server: ServerHandle,
}

impl Interop {
    /// With more of the client's metadata, other settings of the provider, and more variables for Doorward.
    fn spawn(client: Value, settings: Value, variables: &[(&str, &str)]) -> Interop {
        Interop::spawn_behind(Intermediary::Nothing, client, settings, variables)
    }

    fn spawn_behind(
        intermediary: Intermediary,
        client: Value,
        settings: Value,
        variables: &[(&str, &str)],
    ) -> Interop {
        log::keep();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // Another name than the provider's: cookies take no notice of ports.
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let mut registered = json!({
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [format!("{url}/authorization-code/callback")],
            "post_logout_redirect_uris": [&url],
            "backchannel_logout_uri": format!("{url}/backchannel-logout"),
            "backchannel_logout_session_required": true,
        });
        registered
            .as_object_mut()
            .unwrap()
            .extend(client.as_object().unwrap().clone());
        let provider = ForeignProvider::start(&registered, &settings, intermediary);

        let storage = Storage::new(Database::Sqlite);
        let usual = [
            ("OIDC_ISSUER", provider.issuer.as_str()),
            ("OIDC_CLIENT_ID", CLIENT_ID),
            ("OIDC_CLIENT_SECRET", CLIENT_SECRET),
            ("PUBLIC_URL", &url),
            ("DATABASE_URL", &storage.url),
            ("SESSION_KEY", SESSION_KEY),
        ];
        let read = |name: &str| {
            let mut all = variables.iter().chain(&usual);
            let found = all.find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let settings = Settings::read(&read, &|path| std::fs::read(path));
        let settings = settings.unwrap_or_else(|complaints| panic!("{complaints:?}"));
        let doorward = Doorward::new(settings, Clock::default()).unwrap();
        let server = doorward.serve(listener).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Interop {
            url,
            provider,
            storage,
            server: handle,
        }
    }

    /// From Doorward's button to the provider's sign-in page.
    async fn go_to_sign_in(&self, browser: &Browser) {
        browser.goto(&self.url).await;
        browser.click("#login-button").await;
        browser.wait_for("input[name=login]").await;
        let url = browser.url().await;
        assert!(url.as_str().starts_with(&self.provider.issuer), "{url}");
    }

    /// Types a name and a password, lets Doorward know who it is, and is back.
    async fn sign_in_there(&self, browser: &Browser, person: &str) {
        browser.click("input[name=login]").await;
        for key in person.chars() {
            browser.press(key).await;
        }
        browser.press(TAB).await;
        for key in "any password".chars() {
            browser.press(key).await;
        }
        browser.press(ENTER).await;
        self.consent(browser, person).await;
    }

    async fn consent(&self, browser: &Browser, person: &str) {
        browser
            .click("form:has(input[name=prompt][value=consent]) button")
            .await;
        assert_eq!(browser.text("#claim-subject").await, person);
        assert_eq!(
            browser.url().await.as_str(),
            format!("{}/profile", self.url)
        );
        // The ID token is thin: this came from userinfo.
        assert_eq!(
            browser.text("#claim-name").await,
            format!("{person} of interop")
        );
        assert_eq!(
            browser.text("#claim-email").await,
            format!("{person}@example.com")
        );
    }

    /// How the response came back, by what the browser asked Doorward for.
    async fn callbacks(&self, browser: &Browser) -> Vec<String> {
        let callback = format!("{}/authorization-code/callback", self.url);
        let mut urls = browser.requested_urls().await;
        urls.retain(|url| url.starts_with(&callback));
        urls.into_iter()
            .map(|url| url[callback.len()..].to_owned())
            .collect()
    }
}

impl Drop for Interop {
    fn drop(&mut self) {
        // The call sends the command.
        drop(self.server.stop(false));
    }
}

#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn basic() {
    let interop = Interop::spawn(json!({}), json!({}), &[]);
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;

    let token = interop.provider.event("token");
    assert_eq!(token["auth"], "client_secret_basic");
    assert_eq!(token["alg"], "RS256");
    let userinfo = interop.provider.event("userinfo");
    assert_eq!(userinfo["type"], "application/json");
    let callbacks = interop.callbacks(&browser).await;
    assert_eq!(callbacks.len(), 1);
    assert!(callbacks[0].starts_with("?code="));
    assert_eq!(
        (interop.storage.users(), interop.storage.sessions()),
        (1, 1)
    );

    browser.reload().await;
    assert_eq!(browser.text("#claim-subject").await, "ada");
}

/// Form Post 2 (d): A browser posts by itself from the provider's page, across sites
#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn form_post() {
    let interop = Interop::spawn(
        json!({ "token_endpoint_auth_method": "client_secret_post" }),
        json!({}),
        &[
            ("OIDC_RESPONSE_MODE", "form_post"),
            ("OIDC_CLIENT_AUTH_METHOD", "client_secret_post"),
        ],
    );
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;

    let token = interop.provider.event("token");
    assert_eq!(token["auth"], "client_secret_post");
    let callbacks = interop.callbacks(&browser).await;
    assert_eq!(callbacks[0], "", "it came by POST");
    assert!(
        callbacks.iter().all(|callback| !callback.contains("code=")),
        "no address holds the code"
    );
}

/// Nothing is configured: discovery offers this way alone.
#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn client_secret_post_by_discovery() {
    let interop = Interop::spawn(
        json!({ "token_endpoint_auth_method": "client_secret_post" }),
        json!({ "clientAuthMethods": ["client_secret_post"] }),
        &[],
    );
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;
    assert_eq!(
        interop.provider.event("token")["auth"],
        "client_secret_post"
    );
}

#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn rotated_keys() {
    let mut interop = Interop::spawn(json!({}), json!({}), &[]);
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;
    let old_key = interop.provider.event("token")["kid"].clone();
    let old_keys = interop.provider.key_ids().await;
    assert!(old_keys.iter().any(|kid| old_key == *kid));

    // Another person is about to type a name, and Doorward has just used its cached keys.
    let other = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&other).await;
    interop.provider.rotate_keys();
    let new_keys = interop.provider.key_ids().await;
    assert!(new_keys.iter().all(|kid| !old_keys.contains(kid)));
    interop.sign_in_there(&other, "grace").await;
    let new_key = interop.provider.event("token")["kid"].clone();
    assert!(new_keys.iter().any(|kid| new_key == *kid));

    browser.reload().await;
    assert_eq!(
        browser.text("#claim-subject").await,
        "ada",
        "who is signed in stays so"
    );
    assert_eq!(interop.storage.users(), 2);
}

#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn es256() {
    let client = json!({ "id_token_signed_response_alg": "ES256" });
    let interop = Interop::spawn(client, json!({}), &[]);
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;
    assert_eq!(interop.provider.event("token")["alg"], "ES256");
}

#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn signed_userinfo() {
    let client = json!({ "userinfo_signed_response_alg": "RS256" });
    let interop = Interop::spawn(client, json!({}), &[]);
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;
    let userinfo = interop.provider.event("userinfo");
    assert_eq!(
        userinfo,
        json!({ "type": "application/jwt", "alg": "RS256" })
    );
}

#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn rp_initiated_logout() {
    let interop = Interop::spawn(json!({}), json!({}), &[]);
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;

    browser.click("#logout-button").await;
    browser.click("button[name=logout][value=yes]").await;
    browser.wait_for("#login-button").await;
    assert_eq!(browser.url().await.as_str(), format!("{}/", interop.url));
    assert!(!browser.exists("#logout-button").await);
    assert_eq!(interop.storage.sessions(), 0);

    // The provider's session has ended too: it asks who is there, and another person may sign in.
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "grace").await;
}

/// Whoever signs out on the provider's own page is out here: it sends a logout token by itself.
#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn back_channel_logout() {
    let interop = Interop::spawn(json!({}), json!({}), &[]);
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;
    browser.new_tab().await;
    let there = format!("{}/session/end", interop.provider.issuer);
    browser.goto(&there).await;
    browser.click("button[name=logout][value=yes]").await;
    assert_eq!(interop.provider.event("backchannel"), "success");
    assert_eq!(interop.storage.sessions(), 0);
    let ended = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'session_revoked' AND reason = 'back_channel'";
    assert_eq!(interop.storage.number(ended), 1);
    browser.switch_tab(0).await;
    browser.reload().await;
    browser.wait_for("input[name=login]").await;
}

/// The provider asks whether to sign out there too. Whatever the person chooses, Doorward's session has ended.
#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn rp_initiated_logout_that_is_declined_there() {
    let interop = Interop::spawn(json!({}), json!({}), &[]);
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;

    browser.click("#logout-button").await;
    browser
        .click("button[form='op.logoutForm']:not([name])")
        .await;
    browser.wait_for("#login-button").await;
    assert_eq!(browser.url().await.as_str(), format!("{}/", interop.url));
    assert_eq!(interop.storage.sessions(), 0);

    // There she is still known: no name is asked for.
    browser.click("#login-button").await;
    interop.consent(&browser, "ada").await;
}

#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn a_sign_in_that_is_cancelled() {
    let interop = Interop::spawn(json!({}), json!({}), &[]);
    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    browser.click("a[href$='/abort']").await;
    assert_eq!(browser.text("#error-title").await, "You were not let in");
    assert_eq!(interop.storage.users(), 0);
}

/// What a plain server of Python, PHP or Perl speaks; each connection is one request. Fifty times in, without one failure.
#[actix_web::test]
#[ignore = "needs Node.js: run by make interop"]
async fn http_1_0() {
    let unlimited = [("RATE_LIMIT", "0")];
    let interop = Interop::spawn_behind(Intermediary::Http10, json!({}), json!({}), &unlimited);
    let place = interop.provider.issuer.trim_start_matches("http://");
    let keys = process::get(place.parse().unwrap(), "/jwks").unwrap();
    assert!(keys.starts_with("HTTP/1.0 200 OK\r\n"), "{keys}");

    let browser = Browser::start(Look::DESKTOP).await;
    interop.go_to_sign_in(&browser).await;
    interop.sign_in_there(&browser, "ada").await;
    let login = format!("{}/login", interop.url);
    for nth in 1..50 {
        // The provider knows her by now and sends her back at once.
        browser.goto(&login).await;
        assert_eq!(browser.text("#claim-subject").await, "ada", "{nth}");
        assert_eq!(
            interop.provider.event("userinfo")["type"],
            "application/json",
            "{nth}"
        );
    }
    let sign_ins = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'sign_in'";
    assert_eq!(interop.storage.number(sign_ins), 50);
    let failures = "SELECT COUNT(*) AS n FROM audit_events WHERE event = 'sign_in_failed'";
    assert_eq!(interop.storage.number(failures), 0);

    browser.goto(&interop.url).await;
    browser.click("#logout-button").await;
    browser.click("button[name=logout][value=yes]").await;
    browser.wait_for("#login-button").await;
    assert_eq!(interop.storage.sessions(), 0);
}
