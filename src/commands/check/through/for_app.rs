//! What the app is told of the request besides who sends it.

use super::app::{App, Reached};
use super::front::Front;
use super::lines::{self, Proxy};
use super::to_app::{MADE_UP, Sent, send};
use super::told::MADE_UP_CLIENT;
use crate::commands::check::report::Finding;

/// With the port or without.
pub(super) fn host(front: &Front, proxy: Proxy, reached: &Reached) -> Finding {
    let hosts: Vec<&str> = reached.all("host").collect();
    let name = |host: &str| match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name.to_owned(),
        _ => host.to_owned(),
    };
    match hosts[..] {
        [host] if name(host).eq_ignore_ascii_case(&name(front.host())) => Finding::ok(
            "app_host",
            "the app gets the host that the browser asks for",
        ),
        _ => Finding::warning(
            "app_host",
            format!(
                "the app gets the Host {:?} instead of {:?}: its links and its checks of Origin may fail",
                hosts.join(", "),
                front.host()
            ),
            proxy.fix(&lines::FOR_APP),
        ),
    }
}

/// A connection that the app takes for HTTP/2 carries requests that the proxy does not see, so nobody asks Doorward.
pub(super) fn upgrade(front: &Front, app: &App, proxy: Proxy) -> Finding {
    let mut unknown = None;
    for asked in ["h2c", "websocket, h2c"] {
        let headers = format!(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {asked}\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
        );
        match send(front, app, &headers) {
            Sent::Reached(_, reached) => {
                let is_other =
                    |value: &str| !value.is_empty() && !value.eq_ignore_ascii_case("websocket");
                if reached.all("upgrade").any(is_other) {
                    let message = "Upgrade: h2c reaches the app: if it speaks HTTP/2 without TLS, who may ask for one page can ask \
                                   for all, as anybody, and Doorward is not asked";
                    return Finding::fault("app_upgrade", message, proxy.fix(&lines::UPGRADE));
                }
            }
            Sent::Rejected(_) => {}
            Sent::Not(why) => unknown = Some(format!("{why} if a client asks for an upgrade")),
        }
    }
    match unknown {
        Some(why) => Finding::unknown("app_upgrade", why),
        None => Finding::ok(
            "app_upgrade",
            "no upgrade reaches the app, but to a WebSocket",
        ),
    }
}

/// What the app learns of scheme, host and client, and whether the client can choose it.
pub(super) fn forwarded(front: &Front, app: &App, proxy: Proxy, plain: &Reached) -> Finding {
    let (right, wrong) = match front.is_https() {
        true => ("https", "http"),
        false => ("http", "https"),
    };
    let proto: Vec<&str> = plain.all("x-forwarded-proto").collect();
    let (mut believed, mut unknown) = (Vec::new(), None);
    for (name, made_up) in [
        ("X-Forwarded-Proto", wrong),
        ("X-Forwarded-Host", MADE_UP),
        ("X-Forwarded-For", MADE_UP_CLIENT),
    ] {
        // Alone, since Doorward may refuse one of them.
        match send(front, app, &format!("{name}: {made_up}\r\n")) {
            Sent::Reached(_, reached) => {
                let name_there = name.to_ascii_lowercase();
                // The last of several is the proxy's own.
                let is_first = |value: &str| value.split(',').next() == Some(made_up);
                if reached.all(&name_there).any(is_first) {
                    believed.push(name);
                }
            }
            Sent::Rejected(_) => {}
            Sent::Not(why) => unknown = Some(format!("{why} if a client sends {name}")),
        }
    }
    let fix = || proxy.fix(&lines::FOR_APP);
    match (proto[..].first(), &believed[..]) {
        (_, [_, ..]) => Finding::warning(
            "app_forwarded",
            format!(
                "the app gets {} as the client makes it up: its links, and what it does by address, are the client's choice",
                believed.join(", ")
            ),
            fix(),
        ),
        _ if unknown.is_some() => Finding::unknown("app_forwarded", unknown.unwrap_or_default()),
        (Some(proto), _) if *proto == right => {
            let message = format!(
                "the app gets X-Forwarded-Proto {right}, and nothing that the client makes up about it"
            );
            Finding::ok("app_forwarded", message)
        }
        (proto, _) => Finding::warning(
            "app_forwarded",
            format!(
                "the app gets X-Forwarded-Proto {:?} instead of {right:?}: its links and its Secure cookies may fail",
                proto.copied().unwrap_or_default()
            ),
            fix(),
        ),
    }
}
