//! An address that a rule makes public: what reaches the app.

use super::app::App;
use super::for_app::{forwarded, host, upgrade};
use super::front::Front;
use super::lines::{self, Proxy};
use super::to_app::{MADE_UP, Sent, send};
use crate::commands::check::report::Finding;
use crate::gateway::identity::{self, UserName};

/// The signed identity, which only a client could send where it is off.
const TOKEN: &str = "X-Doorward-Jwt";

/// What may stand in a header's name (RFC 9110, 5.6.2) and is `_` to CGI and WSGI, as the hyphen is.
const MARKS: &str = "_.!#$%&'*+^`|~";

/// Runs the checks of a public address.
pub fn check(front: &Front, app: Option<&App>) -> Vec<Finding> {
    let Some(app) = app else {
        let why = "what reaches the app can't be seen from here: stop the app, and add --as-app with its address";
        return vec![Finding::unknown("app", why)];
    };
    let plain = match send(front, app, "") {
        Sent::Reached(proxy, reached) => (proxy, reached),
        Sent::Rejected(why) | Sent::Not(why) => {
            let fix = format!(
                "give the address to which the proxy sends the app's requests, instead of {}, and see that the rule is \
                 public in the server's RULES_FILE too",
                app.addr
            );
            return vec![Finding::fault("app", why, fix)];
        }
    };
    let (proxy, reached) = plain;
    let reached_app = format!("requests reach {} in place of the app", app.addr);
    vec![
        Finding::ok("app", reached_app),
        identity(front, app, proxy),
        aliases(front, app, proxy),
        host(front, proxy, &reached),
        forwarded(front, app, proxy, &reached),
        upgrade(front, app, proxy),
    ]
}

/// The names of the identity headers, as people write them.
fn identity_headers() -> Vec<String> {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1.min(word.len()));
        first.to_ascii_uppercase() + rest
    };
    let named = identity::headers(None, UserName::default());
    let named = named
        .iter()
        .map(|(name, _)| name.split('-').map(capital).collect::<Vec<_>>().join("-"));
    named.chain([TOKEN.to_owned()]).collect()
}

fn lines_of(names: &[String]) -> String {
    let lines = names.iter().map(|name| format!("{name}: {MADE_UP}\r\n"));
    lines.collect()
}

fn with_identity(why: &str) -> String {
    format!("{why} if a client sends identity headers, so what the app gets of them is not known")
}

/// Nobody is signed in, so whatever an identity header says was made up on the way.
fn identity(front: &Front, app: &App, proxy: Proxy) -> Finding {
    let names = identity_headers();
    let reached = match send(front, app, &lines_of(&names)) {
        Sent::Reached(_, reached) => reached,
        Sent::Not(why) => return Finding::unknown("identity", with_identity(&why)),
        Sent::Rejected(why) => {
            let message = format!(
                "{why} if a client sends identity headers, so none of them reaches the app"
            );
            return Finding::ok("identity", message);
        }
    };
    let is_filled = |name: &&String| {
        reached
            .all(&name.to_ascii_lowercase())
            .any(|value| !value.is_empty())
    };
    let filled: Vec<&String> = names.iter().filter(is_filled).collect();
    if filled.is_empty() {
        return Finding::ok(
            "identity",
            "no identity header that a client sends reaches the app",
        );
    }
    let fix = match proxy {
        Proxy::Nginx => {
            let fixes = filled.iter().map(|name| lines::nginx_identity(name));
            fixes.collect::<Vec<_>>().join("; ")
        }
        proxy => proxy.fix(&lines::IDENTITY),
    };
    let filled: Vec<&str> = filled.iter().map(|name| name.as_str()).collect();
    let message = format!(
        "{} reach the app as the client sends them: anybody can be anybody there",
        filled.join(", ")
    );
    Finding::fault("identity", message, fix)
}

/// `Remote_User` and `Remote.User` are `Remote-User` to many apps (CGI, WSGI).
fn aliases(front: &Front, app: &App, proxy: Proxy) -> Finding {
    let (mut through, mut unknown) = (Vec::new(), None);
    for mark in MARKS.chars() {
        let names: Vec<String> = identity_headers()
            .iter()
            // The token is signed: what is made up is of no use to anybody.
            .filter(|name| *name != TOKEN)
            .map(|name| name.replace('-', &mark.to_string()))
            .collect();
        match send(front, app, &lines_of(&names)) {
            Sent::Reached(_, reached) => {
                let sent = reached.named_with(MADE_UP);
                let is_sent = |name: &&String| sent.contains(&name.to_ascii_lowercase().as_str());
                through.extend(names.iter().filter(is_sent).cloned());
            }
            // A proxy may reject them as a whole.
            Sent::Rejected(_) => {}
            Sent::Not(why) => unknown = Some(with_identity(&why)),
        }
    }
    match (through.is_empty(), unknown) {
        (true, Some(why)) => Finding::unknown("aliases", why),
        (true, None) => Finding::ok(
            "aliases",
            "no identity header that a client sends reaches the app in another spelling",
        ),
        (false, _) => Finding::fault(
            "aliases",
            format!(
                "{} and {} more reach the app, and many apps read them as the identity headers: anybody can be anybody there",
                through[0],
                through.len() - 1
            ),
            proxy.fix(&lines::ALIASES),
        ),
    }
}
