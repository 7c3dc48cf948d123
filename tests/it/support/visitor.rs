//! A person with a browser, as far as HTTP goes: keeps cookies, and follows a redirect only on request.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use actix_web::cookie::Cookie;
use awc::http::{Method, header};
use url::Url;

use super::secrets;

/// A visitor. A clone is the same browser in another tab.
#[derive(Clone)]
pub struct Visitor {
    app: String,
    /// What the names of the app's cookies end with.
    site: String,
    client: awc::Client,
    /// Cookies by host and port, so that the provider keeps its own.
    jar: std::rc::Rc<RefCell<BTreeMap<String, BTreeMap<String, String>>>>,
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Where it redirects to.
    pub fn location(&self) -> &str {
        self.header("location")
            .unwrap_or_else(|| panic!("no redirect but {}: {}", self.status, self.body))
    }

    /// The text of the element with `id`, without tags, entities decoded.
    pub fn text(&self, id: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("id=\"{id}\""))?;
        let (_, rest) = rest.split_once('>')?;
        let (text, _) = rest.split_once('<')?;
        let entities = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#39;", "'"),
            ("&amp;", "&"),
        ];
        let decoded = entities
            .into_iter()
            .fold(text.to_owned(), |text, (entity, character)| {
                text.replace(entity, character)
            });
        Some(decoded.trim().to_owned())
    }

    /// Whether an element has that id.
    pub fn has(&self, id: &str) -> bool {
        self.body.contains(&format!("id=\"{id}\""))
    }

    /// The cookies it sets, with their attributes.
    pub fn cookies(&self) -> Vec<&str> {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.map(|(_, value)| value.as_str()).collect()
    }

    /// The status and the sentence of an error page.
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.text("error-sentence").unwrap_or_default())
    }
}

/// What the names of the cookies of the app at `public_url` end with.
pub fn site_of(public_url: &str) -> String {
    let url = Url::parse(public_url).unwrap();
    let port = url.port().map(|port| format!(".{port}"));
    let path = url.path().trim_end_matches('/').replace('/', "+");
    format!("{}{path}", port.unwrap_or_default())
}

/// Where an origin really is, for visitors: they know of no certificate of a test.
static PLACES: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Visitors who are sent to `origin` go to `place`.
pub fn leads_to(origin: &str, place: &str) {
    let mut places = PLACES.lock().unwrap();
    places.retain(|(known, _)| known != origin);
    places.push((origin.to_owned(), place.to_owned()));
}

/// No longer: another test's provider may get the port next.
pub fn leads_nowhere(port: u16) {
    let mut places = PLACES.lock().unwrap();
    places.retain(|(origin, _)| !origin.ends_with(&format!(":{port}")));
}

fn place_of(url: &str) -> String {
    let places = PLACES.lock().unwrap();
    let found = places.iter().find_map(|(origin, place)| {
        let rest = url.strip_prefix(origin.as_str())?;
        rest.starts_with('/').then(|| format!("{place}{rest}"))
    });
    found.unwrap_or_else(|| url.to_owned())
}

impl Visitor {
    pub fn new(app: &str) -> Visitor {
        // An idle connection is given up before the app closes it, which it does after 5 s.
        let connector = awc::Connector::new().conn_keep_alive(Duration::from_secs(1));
        let client = awc::Client::builder()
            .connector(connector)
            .disable_redirects()
            .timeout(Duration::from_secs(60))
            .finish();
        Visitor {
            app: app.to_owned(),
            site: site_of(app),
            client,
            jar: Default::default(),
        }
    }

    /// At another address than browsers see: `public_url` names the cookies.
    pub fn for_site(self, public_url: &str) -> Visitor {
        Visitor {
            site: site_of(public_url),
            ..self
        }
    }

    /// The same browser with new connections, after the app was restarted.
    pub fn reconnected(&self) -> Visitor {
        Visitor {
            jar: self.jar.clone(),
            site: self.site.clone(),
            ..Visitor::new(&self.app)
        }
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, &[], "").await
    }

    pub async fn post(&self, target: &str, form: &str) -> Answer {
        self.send(Method::POST, target, &[], form).await
    }

    /// `target` is a path of the app, or a whole URL.
    pub async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> Answer {
        let url = match target.starts_with("http") {
            true => place_of(target),
            false => format!("{}{target}", self.app),
        };
        // As a browser does: an address without a path is asked for `/`.
        let url = Url::parse(&url).unwrap();
        let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let mut request = self.client.request(method, url.as_str());
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        if let Some(cookies) = self.cookie_header(&host) {
            request = request.append_header((header::COOKIE, cookies));
        }
        let has_type = headers.iter().any(|(name, _)| *name == "content-type");
        if !form.is_empty() && !has_type {
            request = request.content_type("application/x-www-form-urlencoded");
        }
        let mut response = request.send_body(form.to_owned()).await.expect("an answer");
        let body = response.body().limit(16 << 20).await.expect("a whole body");
        let headers = response.headers().iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let answer = Answer {
            status: response.status().as_u16(),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        for cookie in answer.cookies() {
            self.keep(&host, cookie);
        }
        answer
    }

    /// From `/login` to the provider's page: where that is.
    pub async fn begin(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.location().to_owned()
    }

    /// Chooses a person at the provider: where it sends them back to.
    pub async fn choose(&self, authorization_request: &str, person: &str) -> String {
        let form = format!("person={person}");
        let answer = self.post(authorization_request, &form).await;
        answer.location().to_owned()
    }

    /// To the provider and back, up to the callback: its URL, or what would be posted there as a query.
    pub async fn callback_for(&self, person: &str) -> String {
        let authorization_request = self.begin("/login").await;
        let authorization_request =
            authorization_request.replace("response_mode=form_post", "response_mode=query");
        self.choose(&authorization_request, person).await
    }

    /// The whole sign-in: what the callback answers.
    pub async fn sign_in(&self, person: &str) -> Answer {
        let callback = self.callback_for(person).await;
        self.get(&callback).await
    }

    /// Whether the profile opens.
    pub async fn is_signed_in(&self) -> bool {
        self.get("/profile").await.status == 200
    }

    /// The app's cookies, as we call them: without what tells the app from others on its host.
    pub fn app_cookies(&self) -> BTreeMap<String, String> {
        let host = self.app.trim_start_matches("http://");
        let jar = self.jar.borrow();
        let cookies = jar.get(host).into_iter().flatten();
        cookies
            .map(|(name, value)| {
                let own = name.strip_suffix(&self.site).unwrap_or(name);
                (own.to_owned(), value.clone())
            })
            .collect()
    }

    /// Puts the cookie of the app's that we call `own` into the jar, or takes it out when `value` is empty.
    pub fn set_app_cookie(&self, own: &str, value: &str) {
        let name = format!("{own}{}", self.site);
        let host = self.app.trim_start_matches("http://").to_owned();
        let mut jar = self.jar.borrow_mut();
        let cookies = jar.entry(host).or_default();
        match value {
            "" => cookies.remove(&name),
            value => cookies.insert(name, value.to_owned()),
        };
    }

    /// A browser whose cookies are off loses the app's after each answer.
    pub fn forget_all(&self) {
        for name in self.app_cookies().into_keys() {
            self.set_app_cookie(&name, "");
        }
    }

    /// The cookies of the sign-in attempts that the browser keeps, with their values.
    pub fn attempts(&self) -> Vec<(String, String)> {
        let cookies = self.app_cookies().into_iter();
        cookies
            .filter(|(name, _)| name.starts_with("doorward-login-"))
            .collect()
    }

    fn cookie_header(&self, host: &str) -> Option<String> {
        let jar = self.jar.borrow();
        let cookies: Vec<String> = jar
            .get(host)?
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!cookies.is_empty()).then(|| cookies.join("; "))
    }

    fn keep(&self, host: &str, set_cookie: &str) {
        let cookie = Cookie::parse(set_cookie.to_owned()).expect("a cookie");
        let gone = cookie
            .max_age()
            .is_some_and(|age| age.is_zero() || age.is_negative());
        secrets::register("a cookie", cookie.value());
        let mut jar = self.jar.borrow_mut();
        let cookies = jar.entry(host.to_owned()).or_default();
        match gone {
            true => cookies.remove(cookie.name()),
            false => cookies.insert(cookie.name().to_owned(), cookie.value().to_owned()),
        };
    }
}
