//! The pages of the provider: self-contained, without JavaScript, for phones and desktops, light and dark.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::people::Person;
use super::seen::{Endpoint, Params};

const STYLE: &str = "
:root { color-scheme: light dark; --ground: #eef1f6; --card: #fff; --ink: #1b2330; --soft: #566073;
  --line: #cfd6e1; --accent: #6b3fa0; --tint: #f4effa; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171d; --card: #1e232c; --ink: #e9edf4;
  --soft: #a5afc0; --line: #39414f; --accent: #c3a2ee; --tint: #2b2438; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { width: 100%; max-width: 26rem; padding: 1.5rem; background: var(--card); border: 1px solid var(--line);
  border-top: 4px solid var(--accent); border-radius: .75rem; }
h1 { margin: 0 0 .5rem; font-size: 1.35rem; line-height: 1.3; }
p { margin: 0 0 1rem; color: var(--soft); }
form { display: grid; gap: .6rem; margin: 0; }
button { width: 100%; min-height: 3rem; padding: .6rem 1rem; font: inherit; text-align: left; color: var(--ink);
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem; cursor: pointer; }
button:hover { background: var(--tint); border-color: var(--accent); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button strong, button span { display: block; }
button span, .plain { color: var(--soft); font-size: .9rem; }
.plain { text-align: center; }
p:last-child { margin-bottom: 0; }
iframe { width: 100%; height: 4rem; border: 1px solid var(--line); border-radius: .5rem; }
";

/// The page in place of a login form: one button for each person, and one to cancel.
pub fn who_are_you(people: &[Person], request: &Params, client_id: &str) -> HttpResponse {
    let mut body = format!(
        "<p><strong>{}</strong> wants to know who you are. This provider is for demos and tests: it asks for no \
         password and believes everyone.</p>\n<form method=\"post\" action=\"{}?{}\">\n",
        escaped(client_id),
        Endpoint::Authorize.path(),
        escaped(&request.encode()),
    );
    for person in people {
        let email = person.claims.get("email").and_then(|email| email.as_str());
        let about: String = email
            .unwrap_or("no email is known")
            .chars()
            .take(80)
            .collect();
        let (login, name) = (escaped(&person.login), escaped(&person.display_name()));
        let _ = writeln!(
            body,
            "<button id=\"person-{login}\" name=\"person\" value=\"{login}\"><strong>{name}</strong> <span>{}</span></button>",
            escaped(&about),
        );
    }
    body.push_str("<button id=\"cancel\" class=\"plain\" name=\"cancel\" value=\"yes\">Cancel</button>\n</form>\n");
    page(StatusCode::OK, "Demo provider: who are you?", &body)
}

/// OAuth 2.0 Form Post Response Mode: a form that sends itself, and a button where scripts are off.
pub fn form_post(redirect_uri: &str, answer: &Params) -> HttpResponse {
    let mut body = format!(
        "<form method=\"post\" action=\"{}\">\n",
        escaped(redirect_uri)
    );
    for (name, value) in &answer.0 {
        let (name, value) = (escaped(name), escaped(value));
        let _ = writeln!(
            body,
            "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"
        );
    }
    body.push_str("<button id=\"continue\" class=\"plain\">Continue</button>\n</form>\n");
    body.push_str("<script>document.forms[0].submit()</script>\n");
    page(StatusCode::OK, "Demo provider: going back", &body)
}

/// With the apps' own pages in frames, which end the sessions there.
pub fn signed_out(frames: &[String]) -> HttpResponse {
    let mut body =
        "<p>Your session at the demo provider has ended. You can close this page.</p>\n".to_owned();
    for address in frames {
        let address = escaped(address);
        let _ = writeln!(
            body,
            "<iframe src=\"{address}\" title=\"Signs you out of an app\"></iframe>"
        );
    }
    page(StatusCode::OK, "You are signed out", &body)
}

/// For requests that must not be redirected (RFC 6749 4.1.2.1).
pub fn refused(reason: &str) -> HttpResponse {
    let body = format!("<p id=\"reason\">{}</p>\n", escaped(reason));
    page(
        StatusCode::BAD_REQUEST,
        "Demo provider: this request is not right",
        &body,
    )
}

pub fn about() -> HttpResponse {
    let body = format!(
        "<p>This OpenID provider is for demos and tests. Start at the app that sent you here.</p>\n\
         <form method=\"post\" action=\"{}\">\n\
         <button id=\"sign-out\" class=\"plain\">Sign out here, and of the apps</button>\n</form>\n",
        Endpoint::EndSession.path(),
    );
    page(StatusCode::OK, "Demo provider", &body)
}

pub fn not_found() -> HttpResponse {
    let body = "<p>There is no such page at the demo provider.</p>\n";
    page(StatusCode::NOT_FOUND, "Demo provider: not found", body)
}

/// A page of this look; the demo's apps have it too.
pub fn page(status: StatusCode, title: &str, body: &str) -> HttpResponse {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         {body}</main>\n</body>\n</html>\n"
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        // No form-action: browsers apply it to the redirects that follow the form, back to the app.
        .insert_header((
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
             frame-src http: https:; base-uri 'none'; frame-ancestors 'none'",
        ))
        .body(html)
}

/// `text` where HTML has text, or the value of an attribute in quotes.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
