//! Two apps without a sign-in of their own: they believe what the proxy says of the person.

use std::fmt::Write;
use std::io;
use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, HttpServer, web};

use crate::provider::pages::{escaped, page};

/// What the proxy says, by the names of its headers.
const HEADERS: [&str; 4] = [
    "Remote-User",
    "Remote-Name",
    "Remote-Email",
    "Remote-Groups",
];

const STYLE: &str = "
dl { margin: 0 0 1rem; border-top: 1px solid var(--line); }
dl div { padding: .6rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); font-size: .9rem; }
dd { margin: 0; font-weight: 600; }
dd.none { font-weight: 400; color: var(--soft); }
nav { display: grid; gap: .6rem; }
nav a { min-height: 3rem; padding: .6rem 1rem; color: var(--ink); background: var(--card); text-decoration: none;
  border: 1px solid var(--line); border-radius: .5rem; display: grid; align-items: center; }
nav a:hover { background: var(--tint); border-color: var(--accent); }
nav a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
";

/// One of the apps.
#[derive(Clone, Copy)]
pub struct App {
    /// The first label of its host.
    pub name: &'static str,
    title: &'static str,
    /// Whom its rule lets in.
    about: &'static str,
    /// Its color by day, and by night.
    colors: [&'static str; 2],
}

/// Both.
pub const APPS: [App; 2] = [
    App {
        name: "wiki",
        title: "Wiki",
        about: "Everybody who is signed in may open this app.",
        colors: ["#0b6e5f", "#6fd0bd"],
    },
    App {
        name: "metrics",
        title: "Metrics",
        about: "Only people in the group <strong>admins</strong> may open this app.",
        colors: ["#a3480f", "#f0a878"],
    },
];

impl App {
    /// Where browsers find it, behind nginx at `port`.
    pub fn url(&self, port: u16) -> String {
        format!("http://{}.localhost:{port}/", self.name)
    }

    /// Serves its one page on `listener`, which only the proxy should reach.
    pub fn serve(self, listener: TcpListener, port: u16) -> io::Result<Server> {
        let app = move || {
            actix_web::App::new().default_service(web::to(move |request: HttpRequest| async move {
                self.page(&request, port)
            }))
        };
        let server = HttpServer::new(app).workers(1).disable_signals();
        Ok(server.listen(listener)?.run())
    }

    fn page(&self, request: &HttpRequest, port: u16) -> HttpResponse {
        let [day, night] = self.colors;
        let mut body = format!(
            "<style>{STYLE}:root {{ --accent: {day}; }}\n\
             @media (prefers-color-scheme: dark) {{ :root {{ --accent: {night}; --tint: #262b35; }} }}</style>\n\
             <p>{}</p>\n<p>It has no sign-in of its own. This is what the proxy tells it about you:</p>\n<dl>\n",
            self.about
        );
        for name in HEADERS {
            let value = request.headers().get(name).map(|value| value.as_bytes());
            let value = String::from_utf8_lossy(value.unwrap_or_default());
            let (class, value) = match value.is_empty() {
                true => (" class=\"none\"", "none".to_owned()),
                false => ("", escaped(&value)),
            };
            let id = name.to_ascii_lowercase();
            let _ = writeln!(
                body,
                "<div><dt>{name}</dt><dd id=\"{id}\"{class}>{value}</dd></div>"
            );
        }
        body.push_str("</dl>\n<nav>\n");
        for other in APPS.iter().filter(|other| other.name != self.name) {
            let (url, title) = (other.url(port), other.title);
            let _ = writeln!(body, "<a id=\"other-app\" href=\"{url}\">Open {title}</a>");
        }
        let _ = writeln!(
            body,
            "<a id=\"sign-out\" href=\"http://auth.localhost:{port}/logout\">Sign out of everything</a>\n</nav>"
        );
        page(StatusCode::OK, self.title, &body)
    }
}
