//! A real Chromium, driven through a chromedriver of its own, with a fresh profile. It sees nothing but loopback.

use super::watchdog::Watchdog;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use url::Url;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Chromium makes no window narrower than this.
const NARROWEST_WINDOW: u32 = 500;

#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub javascript: bool,
    pub dark: bool,
}

impl Look {
    pub const DESKTOP: Look = Look {
        width: 1280,
        height: 800,
        javascript: true,
        dark: false,
    };
    pub const PHONE: Look = Look {
        width: 320,
        height: 640,
        javascript: true,
        dark: false,
    };
}

/// Goes, with its processes and its profile, when it is dropped.
pub struct Browser {
    client: Client,
    session_url: String,
    /// chromedriver hands out each entry of its log once.
    seen: Mutex<Seen>,
    _driver: Watchdog,
}

#[derive(Default)]
struct Seen {
    requested_urls: Vec<String>,
    /// The `Referer` of each of them.
    referers: Vec<Option<String>>,
    console_errors: Vec<String>,
}

impl Browser {
    pub async fn start(look: Look) -> Browser {
        let chromedriver = find(&["chromedriver"], "chromium-driver");
        let chromium = find(
            &["chromium", "chromium-browser", "google-chrome"],
            "chromium",
        );
        // KILL: what chromedriver started is killed with it.
        let mut driver = Watchdog::new(
            "chromium",
            "KILL",
            None,
            &[chromedriver.as_ref(), "--port=0".as_ref()],
        );
        driver.start("");
        let address = format!("http://127.0.0.1:{}", driver_port(&driver).await);

        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(look, &chromium, driver.folder()));
        let client = match builder.connect(&address).await {
            Ok(client) => client,
            Err(error) => panic!("Chromium did not start: {error}\n{}", driver.output()),
        };
        let session = client
            .session_id()
            .await
            .expect("chromedriver answers")
            .expect("the session has an id");
        let session_url = format!("{address}/session/{session}");
        Browser {
            client,
            session_url,
            seen: Mutex::default(),
            _driver: driver,
        }
    }

    /// Returns when the page has loaded.
    pub async fn goto(&self, url: &str) {
        self.client
            .goto(url)
            .await
            .unwrap_or_else(|error| panic!("going to {url}: {error}"));
    }

    /// Waits for the element, then clicks as a person does: what is hidden or covered is an error. A click that leads
    /// to another page returns before that page is there: `wait_for` something of it.
    pub async fn click(&self, css: &str) {
        let click = self.element(css).await.click().await;
        self.must(click, &format!("clicking on {css}")).await;
    }

    /// Presses a key where the focus is, by its code in the WebDriver standard: `'\u{E004}'` is Tab.
    pub async fn press(&self, key: char) {
        let focused = self.client.active_element().await;
        let focused = self.must(focused, "looking for the focus").await;
        let pressed = focused.send_keys(&key.to_string()).await;
        self.must(pressed, "pressing a key").await;
    }

    /// What a person can read in the first such element; waits for it.
    pub async fn text(&self, css: &str) -> String {
        let text = self.element(css).await.text().await;
        self.must(text, &format!("reading {css}")).await
    }

    /// Whether it is there now, without waiting.
    pub async fn exists(&self, css: &str) -> bool {
        let found = self.client.find_all(Locator::Css(css)).await;
        !self
            .must(found, &format!("looking for {css}"))
            .await
            .is_empty()
    }

    pub async fn wait_for(&self, css: &str) {
        self.element(css).await;
    }

    pub async fn wait_for_url(&self, is_it: impl Fn(&Url) -> bool) {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let url = self.url().await;
            if is_it(&url) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "the browser stays at {url}:\n{}",
                self.source().await
            );
            tokio::time::sleep(POLL).await;
        }
    }

    pub async fn url(&self) -> Url {
        self.client
            .current_url()
            .await
            .expect("the browser says where it is")
    }

    pub async fn title(&self) -> String {
        self.client.title().await.expect("the page has a title")
    }

    pub async fn back(&self) {
        self.client.back().await.expect("the browser goes back");
    }

    pub async fn reload(&self) {
        self.client.refresh().await.expect("the browser reloads");
    }

    /// Opens a tab and switches to it.
    pub async fn new_tab(&self) {
        let tab = self
            .client
            .new_window(true)
            .await
            .expect("a tab can be opened");
        self.client
            .switch_to_window(tab.handle)
            .await
            .expect("the new tab can be used");
    }

    /// The first is 0.
    pub async fn switch_tab(&self, number: usize) {
        let mut tabs = self
            .client
            .windows()
            .await
            .expect("the browser lists its tabs");
        assert!(
            number < tabs.len(),
            "there is no tab {number}, only {}",
            tabs.len()
        );
        self.client
            .switch_to_window(tabs.swap_remove(number))
            .await
            .expect("the tab can be used");
    }

    /// Of what is in view, as PNG.
    pub async fn screenshot(&self, path: &Path) {
        let png = self
            .client
            .screenshot()
            .await
            .expect("a screenshot can be taken");
        std::fs::write(path, png).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// The document as it is now.
    pub async fn source(&self) -> String {
        self.client.source().await.expect("the page has a source")
    }

    /// The value of a JavaScript expression; works for tests where the page's own scripts are switched off, too.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let value = self
            .client
            .execute(&format!("return {expression}"), Vec::new())
            .await;
        self.must(value, expression).await
    }

    /// The cookies of the page's host as the browser sends them, also those that scripts can't see.
    pub async fn cookies(&self) -> String {
        let cookies = self.must(self.client.get_all_cookies().await, "cookies");
        let cookies = cookies.await.into_iter();
        let pairs = cookies.map(|cookie| format!("{}={}", cookie.name(), cookie.value()));
        Vec::from_iter(pairs).join("; ")
    }

    /// Every address that pages in any tab have asked for since the start, redirects included.
    pub async fn requested_urls(&self) -> Vec<String> {
        for entry in self.log("performance").await {
            let entry: Value =
                serde_json::from_str(text_of(&entry["message"])).expect("the log is JSON");
            let message = &entry["message"];
            if message["method"] == "Network.requestWillBeSent" {
                let url = text_of(&message["params"]["request"]["url"]);
                // The rest is Chromium's own (chrome:) or in the page itself (data:).
                if url.starts_with("http") || url.starts_with("ws") {
                    let referer = &message["params"]["request"]["headers"]["Referer"];
                    let mut seen = self.seen.lock().unwrap();
                    seen.requested_urls.push(url.to_owned());
                    let referer = referer.as_str().filter(|referer| !referer.is_empty());
                    seen.referers.push(referer.map(str::to_owned));
                }
            }
        }
        self.seen.lock().unwrap().requested_urls.clone()
    }

    /// What each request for an address with `part` in it said of the page that it came from.
    pub async fn referers_for(&self, part: &str) -> Vec<Option<String>> {
        let urls = self.requested_urls().await;
        let seen = self.seen.lock().unwrap();
        let pairs = urls.into_iter().zip(seen.referers.iter().cloned());
        pairs
            .filter(|(url, _)| url.contains(part))
            .map(|(_, referer)| referer)
            .collect()
    }

    /// Errors that the console of any tab has shown since the start: violations of the Content-Security-Policy,
    /// exceptions, answers of 400 and more.
    pub async fn console_errors(&self) -> Vec<String> {
        for entry in self.log("browser").await {
            if entry["level"] == "SEVERE" {
                self.seen
                    .lock()
                    .unwrap()
                    .console_errors
                    .push(text_of(&entry["message"]).to_owned());
            }
        }
        self.seen.lock().unwrap().console_errors.clone()
    }

    async fn element(&self, css: &str) -> fantoccini::elements::Element {
        let found = self
            .client
            .wait()
            .at_most(WAIT_TIMEOUT)
            .every(POLL)
            .for_element(Locator::Css(css))
            .await;
        self.must(found, &format!("waiting for {css}")).await
    }

    /// Where a test fails, it says what the browser showed.
    async fn must<T, E: Display>(&self, result: Result<T, E>, doing: &str) -> T {
        match result {
            Ok(value) => value,
            Err(error) => panic!(
                "{doing} at {}: {error}\n{}",
                self.url().await,
                self.source().await
            ),
        }
    }

    /// Not part of the WebDriver standard, so fantoccini does not know it.
    async fn log(&self, kind: &str) -> Vec<Value> {
        let url = format!("{}/se/log", self.session_url);
        let mut answer = awc::Client::default()
            .post(url)
            .send_json(&json!({ "type": kind }))
            .await
            .unwrap();
        let mut answer: Value = answer
            .json()
            .limit(64 << 20)
            .await
            .expect("chromedriver answers in JSON");
        match answer["value"].take() {
            Value::Array(entries) => entries,
            error => panic!("chromedriver has no log {kind}: {error}"),
        }
    }
}

fn capabilities(look: Look, chromium: &Path, folder: &Path) -> serde_json::Map<String, Value> {
    let Look { width, height, .. } = look;
    let mut args = vec![
        "--headless=new".to_owned(),
        format!("--user-data-dir={}", folder.join("profile").display()),
        format!("--window-size={},{height}", width.max(NARROWEST_WINDOW)),
        // Nothing leaves this machine, whatever Chromium or a page would like.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]".to_owned(),
        "--no-proxy-server".to_owned(),
    ];
    let switches = "--disable-gpu --disable-quic --no-first-run --disable-background-networking \
         --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars";
    args.extend(switches.split_whitespace().map(str::to_owned));
    if std::fs::metadata(folder)
        .is_ok_and(|folder| std::os::unix::fs::MetadataExt::uid(&folder) == 0)
    {
        args.push("--no-sandbox".to_owned()); // Chromium's sandbox refuses to run as root
    }
    if look.dark {
        args.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let mut options =
        json!({ "binary": chromium, "args": args, "perfLoggingPrefs": { "enableNetwork": true } });
    if !look.javascript {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    if width < NARROWEST_WINDOW {
        // chromedriver's taps, unlike its clicks, wait ten minutes for an answer where scripts are switched off.
        let touch = look.javascript;
        let metrics = json!({ "width": width, "height": height, "pixelRatio": 2, "touch": touch, "mobile": true });
        options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
    }
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "timeouts": { "pageLoad": 30_000, "script": 10_000 },
        "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
    });
    match capabilities {
        Value::Object(map) => map,
        _ => unreachable!("it is an object"),
    }
}

/// chromedriver says which port it was given.
async fn driver_port(driver: &Watchdog) -> u16 {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let output = driver.output();
        let after = output
            .split_once("started successfully on port ")
            .map(|(_, after)| after);
        if let Some(port) = after.and_then(|after| after.split_once('.')?.0.parse().ok()) {
            return port;
        }
        assert!(
            !driver.ended() && Instant::now() < deadline,
            "chromedriver did not start:\n{output}"
        );
        tokio::time::sleep(POLL).await;
    }
}

fn find(names: &[&str], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = names
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    candidates.into_iter().find(|program| program.is_file()).unwrap_or_else(|| {
        panic!(
            "These tests need Chromium and its driver: `{}` is not in the PATH. Install the Debian package `{package}` \
             (all of them: `chromium` and `chromium-driver`), or run `make test`, which does so.",
            names[0],
        )
    })
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod slow {
    use super::*;
    use actix_web::{App, HttpResponse, HttpServer, web};

    const PAGE: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
        <meta name="viewport" content="width=device-width">
        <style>#dark { display: none } @media (prefers-color-scheme: dark) { #dark { display: block } }</style></head>
        <body><h1>Hello</h1><p id="dark">It is dark</p><p id="scripts">off</p><a href="/second">On</a>
        <img src="http://elsewhere.test/pixel.png" alt=""><form method="post" action="/second"><button>Go</button></form>
        <script>document.getElementById("scripts").textContent = "on"</script></body></html>"#;

    /// The first page allows scripts, the second none.
    fn serve() -> String {
        let page = |csp: &'static str| {
            move || async move {
                let header = ("Content-Security-Policy", csp);
                HttpResponse::Ok()
                    .content_type("text/html")
                    .insert_header(header)
                    .body(PAGE)
            }
        };
        let app = move || {
            App::new()
                .route("/", web::get().to(page("script-src 'unsafe-inline'")))
                .route("/second", web::route().to(page("script-src 'none'")))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .bind(("127.0.0.1", 0))
            .unwrap();
        let address = format!("http://{}", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        address
    }

    #[actix_web::test]
    async fn the_browser_goes_clicks_reads_and_tells_what_was_requested() {
        let home = serve();
        let browser = Browser::start(Look::DESKTOP).await;
        browser.goto(&home).await;
        assert_eq!(browser.title().await, "A page");
        assert_eq!(browser.text("#scripts").await, "on");
        assert_eq!(browser.evaluate("innerWidth").await, 1280);
        assert_eq!(browser.text("#dark").await, "");
        let requested = browser.requested_urls().await;
        assert_eq!(
            requested[..2],
            [
                format!("{home}/"),
                "http://elsewhere.test/pixel.png".to_owned()
            ]
        );

        browser.click("a").await;
        browser.wait_for_url(|url| url.path() == "/second").await;
        assert_eq!(browser.text("#scripts").await, "off");
        let errors = browser.console_errors().await;
        assert!(
            errors
                .iter()
                .any(|error| error.contains("script-src 'none'")),
            "{errors:?}"
        );

        browser.back().await;
        browser.wait_for_url(|url| url.path() == "/").await;
        browser.new_tab().await;
        browser.goto(&format!("{home}/second?tab")).await;
        browser.click("button").await;
        browser
            .wait_for_url(|url| url.path() == "/second" && url.query().is_none())
            .await;
        browser.reload().await;
        browser.switch_tab(0).await;
        assert_eq!(browser.url().await.path(), "/");
        let requested = browser.requested_urls().await;
        assert!(
            requested.contains(&format!("{home}/second?tab")),
            "{requested:?}"
        );
        assert!(!browser.exists("#no-such-thing").await);
    }

    #[actix_web::test]
    async fn a_phone_in_the_dark_without_javascript() {
        let home = serve();
        let look = Look {
            javascript: false,
            dark: true,
            ..Look::PHONE
        };
        let browser = Browser::start(look).await;
        browser.goto(&home).await;
        browser.wait_for("h1").await;
        assert_eq!(browser.text("#scripts").await, "off");
        assert_eq!(browser.text("#dark").await, "It is dark");
        assert_eq!(browser.evaluate("innerWidth").await, 320);
        browser.click("a").await;
        browser.wait_for_url(|url| url.path() == "/second").await;
        browser.new_tab().await;
        browser.goto(&home).await;
        assert_eq!(browser.text("#scripts").await, "off");
        assert_eq!(browser.text("#dark").await, "It is dark");
        assert_eq!(browser.evaluate("innerWidth").await, 320);
        assert!(browser.source().await.contains("<h1>Hello</h1>"));
        let picture = browser._driver.folder().join("screenshot.png");
        browser.screenshot(&picture).await;
        assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
        if let Some(folder) = std::env::var_os("SHOT") {
            std::fs::copy(&picture, folder).unwrap();
        }

        let folder = browser._driver.folder().to_owned();
        drop(browser);
        assert!(!folder.exists());
    }
}
