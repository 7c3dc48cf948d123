//! An app's side of the gateway: a browser whose requests a proxy describes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use actix_web::cookie::Cookie;

use crate::support::process::{RulesFile, free_addr, rules_file};
use crate::support::{Answer, Database, TestApp, Visitor};

/// Two apps, and one that is open to nobody.
pub const RULES: &str = r#"
[[rule]]
name = "health"
hosts = ["wiki.test", "metrics.test"]
paths = ["=/healthz"]
allow = "public"

[[rule]]
name = "wiki"
hosts = ["wiki.test"]
allow = "signed-in"

[[rule]]
name = "metrics"
hosts = ["metrics.test"]
emails = ["grace@example.com"]
cors_origins = ["https://spa.test"]
"#;

/// A Doorward with a gateway.
pub struct Gateway {
    pub app: TestApp,
    pub addr: String,
    _rules: RulesFile,
}

impl Gateway {
    pub fn start(database: Database) -> Gateway {
        Gateway::start_with(database, RULES, &[])
    }

    pub fn start_with(database: Database, rules: &str, settings: &[(&str, &str)]) -> Gateway {
        let rules = rules_file(rules);
        let addr = free_addr().to_string();
        let own = [
            ("GATEWAY_ADDR", addr.as_str()),
            ("RULES_FILE", &rules.path),
            ("TRUSTED_PROXIES", "127.0.0.1"),
            ("SESSION_CACHE", "0"),
        ];
        let app = TestApp::spawn_with(database, &[&own[..], settings].concat());
        Gateway {
            app,
            addr,
            _rules: rules,
        }
    }

    /// Another process, so to speak, on the same database and with these settings.
    pub fn beside(&self, settings: &[(&str, &str)]) -> Gateway {
        self.beside_with(RULES, settings)
    }

    /// The same with these rules.
    pub fn beside_with(&self, rules: &str, settings: &[(&str, &str)]) -> Gateway {
        let variables = &self.app.variables;
        let same = ["DATABASE_URL", "OIDC_ISSUER", "SESSION_CACHE"];
        let same = same.map(|name| (name, variables[name].as_str()));
        let other = Gateway::start_with(Database::Sqlite, rules, &[&same[..], settings].concat());
        let url = &other.app.url;
        let callback = format!("{url}/authorization-code/callback");
        self.app.provider.register(&callback, url);
        other
    }

    /// Asks with these headers, and no others.
    pub async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let proxy = Visitor::new(&format!("http://{}", self.addr));
        proxy
            .send(
                actix_web::http::Method::GET.as_str().parse().unwrap(),
                path,
                headers,
                "",
            )
            .await
    }
}

/// A browser: at Doorward as any visitor, and at apps behind a proxy that asks by `/auth/forward`.
pub struct Browser<'g> {
    pub gateway: &'g Gateway,
    pub at_doorward: Visitor,
    /// The cookies of apps, by host.
    pub cookies: RefCell<BTreeMap<String, BTreeMap<String, String>>>,
}

pub const NAVIGATION: [(&str, &str); 2] = [
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

impl<'g> Browser<'g> {
    pub fn new(gateway: &'g Gateway) -> Browser<'g> {
        Browser {
            gateway,
            at_doorward: gateway.app.visitor(),
            cookies: RefCell::default(),
        }
    }

    /// The same browser at the apps of another process.
    pub fn at<'o>(&self, other: &'o Gateway) -> Browser<'o> {
        Browser {
            gateway: other,
            at_doorward: other.app.visitor(),
            cookies: self.cookies.clone(),
        }
    }

    /// The value of a cookie of `host`.
    pub fn cookie(&self, host: &str, name: &str) -> String {
        self.cookies.borrow()[host][name].clone()
    }

    /// What the proxy is told when this browser asks for `url`.
    pub async fn ask(&self, method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
        let (proto, rest) = url.split_once("://").unwrap();
        let (host, uri) = rest.split_at(rest.find('/').unwrap());
        let cookies = self.cookie_header(host);
        let mut all = vec![
            ("x-forwarded-method", method),
            ("x-forwarded-proto", proto),
            ("x-forwarded-host", host),
            ("x-forwarded-uri", uri),
            ("x-forwarded-for", "192.0.2.7"),
        ];
        all.extend(headers);
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        let answer = self.gateway.ask("/auth/forward", &all).await;
        for cookie in answer.cookies() {
            let cookie = Cookie::parse(cookie).unwrap();
            let mut cookies = self.cookies.borrow_mut();
            let of_host = cookies.entry(host.to_owned()).or_default();
            of_host.insert(cookie.name().to_owned(), cookie.value().to_owned());
        }
        answer
    }

    /// A tab goes to `url`.
    pub async fn open(&self, url: &str) -> Answer {
        self.ask("GET", url, &NAVIGATION).await
    }

    /// A tab goes to `url` and follows each redirect, signing in as `person` where the provider asks. The last address, and
    /// the answer there: of the gateway, or of Doorward.
    pub async fn follow(&self, url: &str, person: &str) -> (String, Answer) {
        let mut url = url.to_owned();
        for _ in 0..12 {
            match self.step(&url, person).await {
                Ok(next) => url = next,
                Err(answer) => return (url, answer),
            }
        }
        panic!("a redirect loop at {url}");
    }

    /// The first of these steps: the address that `url` leads to.
    ///
    /// # Errors
    /// It leads nowhere; the answer there.
    pub async fn step(&self, url: &str, person: &str) -> Result<String, Answer> {
        let is_doorward = url.starts_with(&self.gateway.app.url) || url.starts_with('/');
        let is_provider = url.starts_with(&self.gateway.app.variables["OIDC_ISSUER"]);
        if is_provider {
            return Ok(self.at_doorward.choose(url, person).await);
        }
        let answer = match is_doorward {
            true => self.at_doorward.get(url).await,
            false => self.open(url).await,
        };
        match answer.status {
            303 => Ok(answer.location().to_owned()),
            _ => Err(answer),
        }
    }

    pub fn cookie_header(&self, host: &str) -> String {
        let cookies = self.cookies.borrow();
        let pairs = cookies.get(host).into_iter().flatten();
        Vec::from_iter(pairs.map(|(name, value)| format!("{name}={value}"))).join("; ")
    }
}
