//! Our cookies on the hosts of apps, where other cookies are the apps' own.

use actix_web::http::header::{COOKIE, HeaderMap};

use super::SLOTS;
use crate::session::cookie_header::{as_ascii, is_value, pairs};

const SESSION: &str = "doorward-app";
const PENDING: &str = "doorward-pending-";

/// Of longer pending handovers, in bytes, a browser has one at a time: several would not fit into a header.
pub(super) const SHORT_PENDING: usize = 350;

/// Our cookies in a request to an app. One that comes twice counts for nothing: browsers keep several of one name if another
/// party set one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppCookies<'a> {
    /// The app's session.
    pub session: Option<&'a str>,
    /// The handovers under way.
    pub pending: [Option<&'a str>; SLOTS],
}

/// The names of our cookies on one host. Cookies ignore ports, so the names have the port.
pub struct Names<'h> {
    prefix: &'static str,
    port: Option<&'h str>,
}

impl<'h> Names<'h> {
    pub fn of(is_https: bool, host: &'h str) -> Self {
        let port = host.rsplit_once(':').map(|(_, port)| port);
        Names {
            prefix: if is_https { "__Host-" } else { "" },
            // An IPv6 address without a port has colons too.
            port: port.filter(|port| !port.ends_with(']')),
        }
    }

    pub fn session(&self) -> String {
        self.whole(SESSION)
    }

    pub fn pending(&self, slot: usize) -> String {
        self.whole(&format!("{PENDING}{slot}"))
    }

    fn whole(&self, own: &str) -> String {
        match self.port {
            Some(port) => format!("{}{own}.{port}", self.prefix),
            None => format!("{}{own}", self.prefix),
        }
    }

    fn own_part<'n>(&self, name: &'n str) -> Option<&'n str> {
        let name = name.strip_prefix(self.prefix)?;
        match self.port {
            Some(port) => name.strip_suffix(port)?.strip_suffix('.'),
            None => Some(name),
        }
    }
}

impl<'a> AppCookies<'a> {
    pub(super) fn read(headers: &'a HeaderMap, names: &Names<'_>) -> AppCookies<'a> {
        let mut found: [Option<Option<&str>>; SLOTS + 1] = [None; SLOTS + 1];
        for (name, value) in headers.get_all(COOKIE).flat_map(pairs) {
            let own = as_ascii(name).and_then(|name| names.own_part(name));
            let Some(place) = own.and_then(place) else {
                continue;
            };
            found[place] = match found[place] {
                None => Some(as_ascii(value).filter(|value| is_value(value))),
                Some(_) => Some(None),
            };
        }
        let [session, pending @ ..] = found.map(Option::flatten);
        AppCookies { session, pending }
    }

    /// How many handovers are under way, as far as names tell.
    pub fn pending_count(&self) -> usize {
        self.pending.iter().flatten().count()
    }

    /// The slot of the long pending handover.
    pub(super) fn long_slot(&self) -> Option<usize> {
        let is_long = |pending: &Option<&str>| pending.is_some_and(|it| it.len() > SHORT_PENDING);
        self.pending.iter().position(is_long)
    }
}

/// Where a cookie stands among those that are read.
fn place(own: &str) -> Option<usize> {
    if own == SESSION {
        return Some(0);
    }
    match own.strip_prefix(PENDING)?.as_bytes() {
        [digit @ b'0'..=b'9'] => Some(usize::from(digit - b'0'))
            .filter(|slot| *slot < SLOTS)
            .map(|slot| slot + 1),
        _ => None,
    }
}
