//! A real Chromium, driven through a chromedriver of its own, with a fresh profile. It sees nothing but loopback.

mod chromium;
mod log;
mod patience;
#[cfg(test)]
mod slow;
mod start;

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use url::Url;

use super::watchdog::Watchdog;
use log::Seen;
use patience::{PATIENCE, POLL, is_passing};
use start::{capabilities, driver_port, find};

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
    /// In the order in which they were opened, which the standard does not promise.
    tabs: Mutex<Vec<WindowHandle>>,
    _driver: Watchdog,
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
        let mut tries = 1;
        let port = loop {
            match driver_port(&driver).await {
                Some(port) => break port,
                None if tries < 5 => driver.start(""),
                None => panic!("chromedriver does not start:\n{}", driver.output()),
            }
            tries += 1;
        };
        let address = format!("http://127.0.0.1:{port}");

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
        let tabs = client.windows().await.expect("the browser lists its tabs");
        Browser {
            client,
            session_url,
            seen: Mutex::default(),
            tabs: Mutex::new(tabs),
            _driver: driver,
        }
    }

    /// Returns when the page has loaded.
    pub async fn goto(&self, url: &str) {
        let doing = format!("going to {url}");
        self.patiently(&doing, async |client| client.goto(url).await)
            .await;
    }

    /// Waits for the element, then clicks as a person does: what is hidden or covered is an error. A click that leads
    /// to another page returns before that page is there: `wait_for` something of it.
    pub async fn click(&self, css: &str) {
        let doing = format!("clicking on {css}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let clicked = self.element(css).await.click().await;
            match clicked {
                Ok(()) => return,
                Err(error) if is_passing(&error) && Instant::now() < deadline => {}
                Err(error) => self.fail(&doing, &error).await,
            }
            // The error came before the click or after it. After it, the page that it leads to is there.
            if !self.exists(css).await {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Presses a key where the focus is, by its code in the WebDriver standard: `'\u{E004}'` is Tab.
    pub async fn press(&self, key: char) {
        let doing = "looking for the focus";
        let focused = self.patiently(doing, async |client| client.active_element().await);
        // Pressing it twice would be another thing to do.
        if let Err(error) = focused.await.send_keys(&key.to_string()).await {
            self.fail("pressing a key", &error).await;
        }
    }

    /// What a person can read in the first such element; waits for it.
    pub async fn text(&self, css: &str) -> String {
        let doing = format!("reading {css}");
        let read = async |client: &Client| client.find(Locator::Css(css)).await?.text().await;
        self.patiently(&doing, read).await
    }

    /// What a person can read in a frame of the page: the first has the number 0.
    pub async fn text_in_frame(&self, number: u16, css: &str) -> String {
        let doing = format!("reading {css} in a frame");
        let read = async |client: &Client| {
            client.enter_frame(number).await?;
            let found = client.find(Locator::Css(css)).await;
            let text = match found {
                Ok(element) => element.text().await,
                Err(error) => Err(error),
            };
            client.enter_parent_frame().await?;
            text
        };
        self.patiently(&doing, read).await
    }

    /// Whether it is in the page that is there now, or coming.
    pub async fn exists(&self, css: &str) -> bool {
        let doing = format!("looking for {css}");
        let found = async |client: &Client| client.find_all(Locator::Css(css)).await;
        !self.patiently(&doing, found).await.is_empty()
    }

    pub async fn wait_for(&self, css: &str) {
        self.element(css).await;
    }

    pub async fn wait_for_url(&self, is_it: impl Fn(&Url) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let url = self.url().await;
            if is_it(&url) {
                return;
            }
            if Instant::now() >= deadline {
                self.fail("waiting for another address", &"it stays here")
                    .await;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub async fn url(&self) -> Url {
        let asked = async |client: &Client| client.current_url().await;
        self.patiently("asking where it is", asked).await
    }

    pub async fn title(&self) -> String {
        let asked = async |client: &Client| client.title().await;
        self.patiently("reading the title", asked).await
    }

    /// Goes back by one page, which may lead on to others: `wait_for` something of the last.
    pub async fn back(&self) {
        match self.client.back().await {
            // The page leads on, and the driver has lost sight of it.
            Err(error) if is_passing(&error) => {}
            Err(error) => self.fail("going back", &error).await,
            Ok(()) => {}
        }
    }

    pub async fn reload(&self) {
        let reload = async |client: &Client| client.refresh().await;
        self.patiently("reloading", reload).await;
    }

    /// Opens a tab and switches to it.
    pub async fn new_tab(&self) {
        let open = async |client: &Client| client.new_window(true).await;
        let tab = self.patiently("opening a tab", open).await.handle;
        self.tabs.lock().unwrap().push(tab.clone());
        self.switch_to(tab).await;
    }

    /// The first is 0.
    pub async fn switch_tab(&self, number: usize) {
        let tab = self.tabs.lock().unwrap().get(number).cloned();
        let tab = tab.unwrap_or_else(|| panic!("there is no tab {number}"));
        self.switch_to(tab).await;
    }

    async fn switch_to(&self, tab: WindowHandle) {
        let switch = async |client: &Client| client.switch_to_window(tab.clone()).await;
        self.patiently("switching to a tab", switch).await;
    }

    /// Of what is in view, as PNG.
    pub async fn screenshot(&self, path: &Path) {
        let take = async |client: &Client| client.screenshot().await;
        let png = self.patiently("taking a screenshot", take).await;
        std::fs::write(path, png).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// The document as it is now.
    pub async fn source(&self) -> String {
        let read = async |client: &Client| client.source().await;
        self.patiently("reading the page", read).await
    }

    /// The value of a JavaScript expression; works for tests where the page's own scripts are switched off, too. It is
    /// evaluated again where the page was replaced meanwhile.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        let execute = async |client: &Client| client.execute(&script, Vec::new()).await;
        self.patiently(expression, execute).await
    }

    /// The cookies of the page's host as the browser sends them, also those that scripts can't see.
    pub async fn cookies(&self) -> String {
        let read = async |client: &Client| client.get_all_cookies().await;
        let cookies = self.patiently("reading cookies", read).await.into_iter();
        let pairs = cookies.map(|cookie| format!("{}={}", cookie.name(), cookie.value()));
        Vec::from_iter(pairs).join("; ")
    }

    async fn element(&self, css: &str) -> fantoccini::elements::Element {
        let doing = format!("waiting for {css}");
        let find = async |client: &Client| client.find(Locator::Css(css)).await;
        self.patiently(&doing, find).await
    }
}
