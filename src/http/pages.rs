//! The pages: Tera templates, one typed struct for each, compiled once. What a template needs of
//! the outside stands in its struct and nowhere else.

pub mod messages;

use std::path::Path;

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::web::Bytes;
use aws_lc_rs::digest;
use serde::Serialize;
use tera::{Context, Tera};

use crate::http::error::Error;
use crate::http::paths;
use crate::public_url::PublicUrl;

/// The built-in templates. `TEMPLATES_DIR` can replace any of them.
const TEMPLATES: [(&str, &str); 8] = [
    ("base.html", include_str!("../../templates/base.html")),
    ("door.html", include_str!("../../templates/door.html")),
    ("login.html", include_str!("../../templates/login.html")),
    ("profile.html", include_str!("../../templates/profile.html")),
    ("logout.html", include_str!("../../templates/logout.html")),
    (
        "continue.html",
        include_str!("../../templates/continue.html"),
    ),
    (
        "end_session.html",
        include_str!("../../templates/end_session.html"),
    ),
    ("error.html", include_str!("../../templates/error.html")),
];
const STYLE: (&str, &str) = ("style.css", include_str!("../../templates/style.css"));
const FAVICON: (&str, &str) = ("favicon.svg", include_str!("../../templates/favicon.svg"));

/// A page: the template's name and what it needs.
pub trait Page: Serialize {
    /// The file in `templates/`.
    const TEMPLATE: &'static str;
}

/// The home page: the way in, or the way on.
#[derive(Serialize)]
pub struct LoginPage {
    /// Which of the two buttons shows.
    pub signed_in: bool,
    /// For the greeting.
    pub name: Option<String>,
}

/// Who the provider says you are.
#[derive(Serialize)]
pub struct ProfilePage {
    /// The name, or the email, or neither.
    pub heading: String,
    /// The rows of the table.
    pub claims: Vec<Claim>,
}

/// A row of the profile.
#[derive(Serialize)]
pub struct Claim {
    /// Ours, never the provider's: it becomes an id, `claim-…`.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// The provider's.
    pub value: String,
}

/// Asks whether to sign out.
#[derive(Serialize)]
pub struct LogoutPage {}

/// Nearly signed in; a button posts the provider's response again, from our own origin.
#[derive(Serialize)]
pub struct ContinuePage {
    /// Where to.
    pub callback_action: String,
    /// What.
    pub fields: Vec<Field>,
}

/// Signed out here; a button posts the rest to the provider.
#[derive(Serialize)]
pub struct EndSessionPage {
    /// Where to.
    pub endpoint: String,
    /// What.
    pub fields: Vec<Field>,
}

/// A hidden field of a form.
#[derive(Serialize)]
pub struct Field {
    /// Ours, never from outside.
    pub name: &'static str,
    /// Whatever it is.
    pub value: String,
}

/// What went wrong and what to do next.
#[derive(Serialize)]
pub struct ErrorPage {
    /// The HTTP status.
    pub status: u16,
    /// The heading.
    pub title: &'static str,
    /// What happened.
    pub sentence: &'static str,
    /// What to do next.
    pub next: String,
    /// Where the button leads.
    pub action_url: String,
    /// What the button says.
    pub action_label: &'static str,
    /// The request's id, which finds its log lines.
    pub reference: String,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "login.html";
}
impl Page for ProfilePage {
    const TEMPLATE: &'static str = "profile.html";
}
impl Page for LogoutPage {
    const TEMPLATE: &'static str = "logout.html";
}
impl Page for ContinuePage {
    const TEMPLATE: &'static str = "continue.html";
}
impl Page for EndSessionPage {
    const TEMPLATE: &'static str = "end_session.html";
}
impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}

/// What every page needs.
#[derive(Serialize)]
struct Frame<'a, P> {
    base: &'a str,
    stylesheet: &'a str,
    login_action: &'a str,
    logout_action: &'a str,
    #[serde(flatten)]
    page: &'a P,
}

/// The compiled templates and the files that pages refer to.
pub struct Pages {
    tera: Tera,
    public_url: PublicUrl,
    login_action: String,
    logout_action: String,
    stylesheet: String,
    assets: Vec<Asset>,
    /// The home page of somebody who is signed out: always the same.
    signed_out: Bytes,
}

/// A file that pages refer to.
pub struct Asset {
    name: String,
    /// The bytes.
    pub body: String,
    /// The media type.
    pub content_type: &'static str,
    /// Whether its name changes with its content.
    pub immutable: bool,
}

impl Pages {
    /// Compiles the templates, each from `templates_dir` where it is there. Links lead below `base`.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong with it.
    pub fn new(templates_dir: Option<&Path>, public_url: PublicUrl) -> Result<Self, String> {
        let load = |(name, built_in): (&str, &str)| match templates_dir.map(|dir| dir.join(name)) {
            Some(path) if path.exists() => std::fs::read_to_string(&path)
                .map_err(|cause| format!("{} can't be read: {cause}", path.display())),
            _ => Ok(built_in.to_owned()),
        };
        let mut templates = Vec::new();
        for template in TEMPLATES {
            templates.push((template.0, load(template)?));
        }
        let mut tera = Tera::default();
        tera.add_raw_templates(templates)
            .map_err(|cause| format!("a template is wrong: {cause}"))?;

        let style = load(STYLE)?;
        let style_name = format!("style-{}.css", content_tag(&style));
        let asset = |name: &str, body, content_type, immutable| Asset {
            name: name.to_owned(),
            body,
            content_type,
            immutable,
        };
        let assets = vec![
            asset(&style_name, style, "text/css; charset=utf-8", true),
            asset(FAVICON.0, load(FAVICON)?, "image/svg+xml", false),
        ];
        let stylesheet = public_url.at(&format!("/assets/{style_name}"));
        let mut pages = Pages {
            tera,
            login_action: public_url.at(paths::LOGIN),
            logout_action: public_url.at(paths::LOGOUT),
            public_url,
            stylesheet,
            assets,
            signed_out: Bytes::new(),
        };
        let signed_out = LoginPage {
            signed_in: false,
            name: None,
        };
        let signed_out = pages
            .render(&signed_out)
            .map_err(|cause| cause.to_string())?;
        pages.signed_out = signed_out.into();
        Ok(pages)
    }

    /// The home page of somebody who is signed out.
    pub fn signed_out(&self) -> HttpResponse {
        page(StatusCode::OK, self.signed_out.clone())
    }

    /// The page as an answer that no cache keeps.
    pub fn answer<P: Page>(&self, status: StatusCode, page: &P) -> Result<HttpResponse, Error> {
        Ok(self::page(status, self.render(page)?))
    }

    /// The page as HTML.
    pub fn render<P: Page>(&self, page: &P) -> Result<String, Error> {
        let frame = Frame {
            base: self.public_url.base(),
            stylesheet: &self.stylesheet,
            login_action: &self.login_action,
            logout_action: &self.logout_action,
            page,
        };
        let context = Context::from_serialize(&frame).map_err(Error::internal)?;
        self.tera
            .render(P::TEMPLATE, &context)
            .map_err(Error::internal)
    }

    /// The file called `name`.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.name == name)
    }
}

fn page(status: StatusCode, html: impl MessageBody + 'static) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(ContentType::html())
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(html)
}

/// Changes with the content, so that browsers may keep what has it in its name.
fn content_tag(content: &str) -> String {
    let hash = digest::digest(&digest::SHA256, content.as_bytes());
    hash.as_ref()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public_url() -> PublicUrl {
        PublicUrl::parse("http://localhost:8080").unwrap()
    }

    #[test]
    fn never_both_buttons() {
        let pages = Pages::new(None, public_url()).unwrap();
        for (signed_in, shown, hidden) in [
            (true, "id=\"logout-button\"", "id=\"login-button\""),
            (false, "id=\"login-button\"", "id=\"logout-button\""),
        ] {
            let html = pages
                .render(&LoginPage {
                    signed_in,
                    name: None,
                })
                .ok()
                .unwrap();
            assert!(html.contains(shown) && !html.contains(hidden), "{html}");
        }
    }

    #[test]
    fn csnc_2019_001_what_a_page_reflects_is_escaped() {
        let pages = Pages::new(None, public_url()).unwrap();
        let hostile = "<script>\"'&".to_owned();
        let page = ProfilePage {
            heading: hostile.clone(),
            claims: vec![Claim {
                name: "name",
                label: "Name",
                value: hostile,
            }],
        };
        let html = pages.render(&page).ok().unwrap();
        assert_eq!(
            html.matches("&lt;script&gt;&quot;&#39;&amp;").count(),
            2,
            "{html}"
        );
        assert!(!html.contains("<script"));
    }

    #[test]
    fn a_directory_of_ones_own_replaces_file_by_file() {
        let dir = std::env::temp_dir().join(format!("doorward-{}", crate::random::id()));
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("logout.html"), "mine {{ logout_action }}").unwrap();
        let pages = Pages::new(Some(&dir), public_url()).unwrap();
        assert_eq!(pages.render(&LogoutPage {}).ok().unwrap(), "mine /logout");
        std::fs::write(dir.join("error.html"), "{% if %}").unwrap();
        assert!(Pages::new(Some(&dir), public_url()).is_err());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
