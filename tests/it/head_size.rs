//! Doorward's responses fit the buffers of the proxies in front of it: a real nginx with its defaults.

use serde_json::json;

use crate::support::browser::{Browser, Look};
use crate::support::nginx::Nginx;
use crate::support::process::free_addr;
use crate::support::provider::{Endpoint, Params};
use crate::support::{Answer, Database, TestApp, Visitor};

/// Origin, path, and what stands of them in the names of cookies: the usual, and the longest.
const PUBLIC_URLS: [[&str; 3]; 2] = [
    ["https://app.example.com", "", ""],
    [
        "https://app.example.com:65535",
        "/a/path/of/thirty-two/characters",
        ".65535+a+path+of+thirty-two+characters",
    ],
];

/// The most that an answer's head may have, in bytes: nginx takes 4 KiB with its status line, and others add to it.
const LIMIT: usize = 3 * 1024;

/// The app behind an nginx that has the buffers of its defaults, with the longest headers that Doorward sends.
struct Proxied {
    app: TestApp,
    nginx: Nginx,
    /// Of nginx, without a path.
    url: String,
    public_url: [&'static str; 3],
}

impl Proxied {
    fn spawn(public_url: [&'static str; 3], response_mode: &str) -> Proxied {
        let whole = public_url[..2].concat();
        let variables = [
            ("OIDC_RESPONSE_MODE", response_mode),
            ("PUBLIC_URL", whole.as_str()),
            ("HSTS_INCLUDE_SUBDOMAINS", "true"),
        ];
        let app = TestApp::spawn_with(Database::Sqlite, &variables);
        let addr = free_addr();
        let upstream = app.url.trim_start_matches("http://");
        let upstream = upstream.replace("localhost", "127.0.0.1");
        let nginx = Nginx::with_default_buffers(addr, &[upstream]);
        let url = format!("http://{addr}");
        Proxied {
            app,
            nginx,
            url,
            public_url,
        }
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(&self.url)
    }

    /// A path of Doorward's, as browsers see it.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.public_url[1])
    }

    /// Back from the provider: what the callback answers.
    async fn sign_in(&self, visitor: &Visitor, login: &str) -> Answer {
        let there = visitor.begin(&self.at(login)).await;
        let callback = visitor.choose(&there, "ada").await;
        let callback = callback.replace(self.public_url[0], &self.url);
        self.checked(visitor.get(&callback).await)
    }

    /// The answer, which nginx has handed on, and whose head is no longer than it may be.
    fn checked(&self, answer: Answer) -> Answer {
        let head = head_len(&answer);
        assert!(head <= LIMIT, "{head} bytes: {:?}", answer.headers);
        assert!(
            answer.status != 502 && !self.nginx.output().contains("too big header"),
            "{} {}",
            answer.status,
            self.nginx.output()
        );
        answer
    }
}

fn head_len(answer: &Answer) -> usize {
    let lines = answer.headers.iter();
    let lines: usize = lines
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    "HTTP/1.1 303 See Other\r\n\r\n".len() + lines
}

/// The longest place to return to that is kept.
fn longest_return_to() -> String {
    format!("/{}", "a".repeat(511))
}

#[actix_web::test]
async fn the_way_in_fits_a_proxy_however_much_it_is_asked_for() {
    for public_url in PUBLIC_URLS {
        the_way_in_fits(&Proxied::spawn(public_url, "query")).await;
    }
}

async fn the_way_in_fits(proxied: &Proxied) {
    let long = "h".repeat(7000);
    let hint = "h".repeat(256);
    let return_to = longest_return_to();
    let ada = proxied.visitor();
    for target in [
        format!("/login?login_hint={long}"),
        format!("/login?return_to=/{long}"),
        format!("/login?return_to={return_to}&login_hint={hint}"),
        format!(
            "/login?return_to={return_to}&login_hint={}",
            "%C3%A9".repeat(128)
        ),
        format!("/profile?{long}"),
        format!("/profile?{}", "%22".repeat(170)),
        format!("/{long}"),
        format!("/?state={long}"),
        format!("/authorization-code/callback?state={long}&code=x"),
        format!("/authorization-code/callback?state=x&error={long}"),
        format!(
            "/authorization-code/callback?state={}~2&code=x",
            "~".repeat(7000)
        ),
    ] {
        // Each is one more attempt, until the oldest go.
        for _ in 0..4 {
            proxied.checked(ada.get(&proxied.at(&target)).await);
        }
    }
    // A browser full of attempts of which none leads anywhere.
    for number in 0..20 {
        let name = format!(
            "__Host-doorward-login-planted{number:0>9}{}",
            proxied.public_url[2]
        );
        ada.set_app_cookie(&name, &"A".repeat(20));
    }
    let login = format!("/login?return_to={return_to}&login_hint={hint}");
    let begun = proxied.checked(ada.get(&proxied.at(&login)).await);
    assert!(begun.location().ends_with(&format!("login_hint={hint}")));
    let back = proxied.sign_in(&proxied.visitor(), &login).await;
    assert_eq!(back.location(), return_to);
    // By characters, and by the bytes of the address that it leads to.
    for too_long in [format!("{hint}h"), "%F0%9F%98%80".repeat(256)] {
        let login = format!("/login?return_to={return_to}&login_hint={too_long}");
        let begun = proxied.visitor().begin(&proxied.at(&login)).await;
        assert!(!begun.contains("login_hint"), "{begun}");
    }
    let mut longest = 0;
    for length in 1..256 {
        let hint = "%C3%A9".repeat(length);
        let login = format!("/login?return_to={return_to}&login_hint={hint}");
        let begun = proxied.checked(proxied.visitor().get(&proxied.at(&login)).await);
        if begun.location().contains("login_hint") {
            longest = begun.location().len();
        }
    }
    assert!((1395..=1400).contains(&longest), "{longest}");
}

/// Both the address that it leads to and the cookie that keeps the rest of it grow with the state.
#[actix_web::test]
async fn an_answer_by_post_fits_a_proxy_whatever_its_state_is() {
    for public_url in PUBLIC_URLS {
        let proxied = Proxied::spawn(public_url, "form_post");
        let callback = proxied.at("/authorization-code/callback");
        for (state, code) in [("s", "c"), ("%22", "c"), ("s", "%22"), ("~", "")] {
            for length in (1..1300).step_by(50) {
                for state in [state.repeat(45), state.repeat(length)] {
                    let form = format!("code=c{}&state={state}", code.repeat(length));
                    proxied.checked(proxied.visitor().post(&callback, &form).await);
                }
            }
        }
    }
}

/// Keycloak, and a person in 90 groups: the ID token is the hint for the way out at the provider.
///
/// Logout 2 (a)
/// Logout 2 (b): one that is too long for a URL is sent by POST
#[actix_web::test]
async fn the_way_out_fits_a_proxy_however_long_the_id_token_is() {
    for public_url in PUBLIC_URLS {
        the_way_out_fits(&Proxied::spawn(public_url, "query")).await;
    }
}

async fn the_way_out_fits(proxied: &Proxied) {
    let mut ways = [0, 0];
    for groups_len in (0..2000).step_by(100).chain([3400, 8000]) {
        let provider = &proxied.app.provider;
        provider.forget_requests();
        provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(move |claims| {
                claims["groups"] = json!("g".repeat(groups_len))
            }));
        });
        let ada = proxied.visitor();
        assert_eq!(
            proxied.sign_in(&ada, "/login").await.location(),
            proxied.at("/profile")
        );
        let out = proxied.checked(ada.post(&proxied.at("/logout"), "").await);
        assert_eq!(proxied.app.storage().sessions(), 0, "out here in any case");
        match out.status {
            303 => {
                ways[0] += 1;
                ada.get(out.location()).await;
            }
            200 => {
                ways[1] += 1;
                assert!(!out.has("logout-button") && !out.has("login-button"));
                post_the_form(&ada, &out).await;
            }
            status => panic!("{status}: {}", out.body),
        }
        let asked = provider.requests(Endpoint::EndSession).remove(0);
        let sent = [&asked.query, &asked.form];
        let get = |name| sent.iter().find_map(|sent: &&Params| sent.get(name));
        assert_eq!(get("id_token_hint").unwrap().split('.').count(), 3);
        assert_eq!(
            get("post_logout_redirect_uri"),
            Some(proxied.public_url[..2].concat().as_str())
        );
        assert_eq!(get("state").unwrap().len(), 43);
        // The provider has ended its own session, so it asks who it is.
        let there = proxied.visitor();
        let there = ada.get(&there.begin(&proxied.at("/login")).await).await;
        assert_eq!(there.status, 200);
    }
    assert!(
        ways[0] > 5 && ways[1] > 5,
        "by redirect and by button: {ways:?}"
    );
}

/// Does what the page's one button does.
async fn post_the_form(visitor: &Visitor, page: &Answer) {
    assert_eq!(page.body.matches("<form").count(), 1);
    let attribute = |element: &str, name: &str| {
        let (_, rest) = element.split_once(&format!("{name}=\"")).unwrap();
        rest.split('"').next().unwrap().replace("&#x2F;", "/")
    };
    let (_, form) = page.body.split_once("<form").unwrap();
    let mut fields = Params::default();
    for input in form.split("<input").skip(1) {
        let value = attribute(input, "value").replace("&amp;", "&");
        fields.push(&attribute(input, "name"), value);
    }
    let action = attribute(form, "action");
    let origin = url::Url::parse(&action).unwrap().origin();
    let policy = page.header("content-security-policy").unwrap();
    let form_action = format!("form-action 'self' {} https:", origin.ascii_serialization());
    assert!(policy.ends_with(&form_action), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    visitor.post(&action, &fields.encode()).await;
}

mod slow {
    use super::*;

    /// The same in a browser: one button, and the provider knows nobody any more.
    #[actix_web::test]
    async fn a_person_with_a_long_id_token_signs_out_by_one_more_button() {
        let app = TestApp::spawn();
        app.provider.faults(|faults| {
            faults.edit_claims = Some(Box::new(|claims| {
                claims["groups"] = json!("g".repeat(5000))
            }));
        });
        let browser = Browser::start(Look::DESKTOP).await;
        browser.goto(&app.url).await;
        browser.click("#login-button").await;
        browser.click("#person-ada").await;
        browser.click("#logout-button").await;
        browser.wait_for("#end-session-button").await;
        assert_eq!(browser.text("h1").await, "You are signed out here");
        assert_eq!(app.storage().sessions(), 0);
        // A second press does no harm.
        browser.reload().await;
        browser.click("#end-session-button").await;
        browser.wait_for("#login-button").await;
        assert_eq!(browser.url().await.as_str(), format!("{}/", app.url));
        browser.click("#login-button").await;
        browser.wait_for("#person-ada").await;
        let errors = browser.console_errors().await;
        assert!(
            errors.iter().all(|error| error.contains("favicon")),
            "{errors:?}"
        );
        for url in browser.requested_urls().await {
            assert!(!url.contains("id_token_hint"), "{url:.100}");
        }
    }
}
