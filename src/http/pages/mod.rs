//! The pages: Tera templates, compiled once at the start. A template sees the fields of its struct in `views.rs` and those of
//! [`Frame`], and nothing else.

mod files;
pub mod messages;
mod views;

use std::path::Path;

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, HeaderValue};
use actix_web::web::Bytes;
use serde::Serialize;
use tera::{Context, Tera};

pub use files::Asset;
pub use views::{
    Claim, ContinuePage, EndSessionPage, ErrorPage, Field, LoginPage, LogoutPage, OwnSession, Page,
    ProfilePage, RefusedPage, SessionsPage, SignedOutPage,
};

use crate::http::error::Error;
use crate::http::paths;
use crate::public_url::PublicUrl;
use files::Files;

/// Room for most pages, in bytes.
const USUAL_LEN: usize = 4 * 1024;

/// The values that every template sees.
#[derive(Serialize)]
struct Frame<'a, P> {
    base: &'a str,
    stylesheet: &'a str,
    login_action: &'a str,
    logout_action: &'a str,
    #[serde(flatten)]
    page: &'a P,
}

/// The compiled templates, and the files that pages refer to.
pub struct Pages {
    tera: Tera,
    public_url: PublicUrl,
    login_action: String,
    logout_action: String,
    stylesheet: String,
    assets: [Asset; 2],
    /// The home page for somebody who is signed out, which never changes.
    signed_out: Bytes,
    /// The page in a frame of the provider's, which never changes either.
    framed: Bytes,
}

impl Pages {
    /// Compiles the templates. A file in `templates_dir` replaces the built-in one of that name. Links lead below `public_url`.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong with it.
    pub fn new(templates_dir: Option<&Path>, public_url: PublicUrl) -> Result<Self, String> {
        let files = Files(templates_dir);
        let mut tera = Tera::default();
        tera.add_raw_templates(files.templates()?)
            .map_err(|cause| format!("a template is wrong: {cause}"))?;
        let stylesheet = files.stylesheet()?;
        let mut pages = Pages {
            tera,
            login_action: public_url.at(paths::LOGIN),
            logout_action: public_url.at(paths::LOGOUT),
            stylesheet: public_url.at(&format!("/assets/{}", stylesheet.name)),
            public_url,
            assets: [stylesheet, files.favicon()?],
            signed_out: Bytes::new(),
            framed: Bytes::new(),
        };
        let signed_out = LoginPage {
            signed_in: false,
            name: None,
        };
        let signed_out = pages
            .render(&signed_out)
            .map_err(|cause| cause.to_string())?;
        pages.signed_out = signed_out.into();
        let framed = pages.render(&SignedOutPage {});
        pages.framed = framed.map_err(|cause| cause.to_string())?.into();
        Ok(pages)
    }

    /// The home page for somebody who is signed out.
    pub fn signed_out(&self) -> HttpResponse {
        respond(StatusCode::OK, self.signed_out.clone())
    }

    /// The page in a frame of the provider's, by whose `policy` it may be there.
    pub fn framed(&self, policy: &HeaderValue) -> HttpResponse {
        let mut response = respond(StatusCode::OK, self.framed.clone());
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        response
    }

    /// The page as a response that no cache keeps.
    pub fn respond<P: Page>(&self, status: StatusCode, page: &P) -> Result<HttpResponse, Error> {
        Ok(respond(status, self.render(page)?))
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
        let mut html = Vec::with_capacity(USUAL_LEN);
        self.tera
            .render_to(P::TEMPLATE, &context, &mut html)
            .map_err(Error::internal)?;
        String::from_utf8(html).map_err(Error::internal)
    }

    /// The file with this name below `/assets/`.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.name == name)
    }
}

fn respond(status: StatusCode, html: impl MessageBody + 'static) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(ContentType::html())
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(html)
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
    fn a_file_in_templates_dir_replaces_the_built_in_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let dir = folder.path();
        std::fs::write(dir.join("logout.html"), "mine {{ logout_action }}").unwrap();
        let pages = Pages::new(Some(dir), public_url()).unwrap();
        assert_eq!(pages.render(&LogoutPage {}).ok().unwrap(), "mine /logout");
        std::fs::write(dir.join("error.html"), "{% if %}").unwrap();
        assert!(Pages::new(Some(dir), public_url()).is_err());
    }
}
