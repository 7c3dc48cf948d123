//! Which Postgres: the URL read as libpq reads it (`conninfo_uri_parse_options` in its `fe-connect.c`), so that a
//! connection across a network is TLS or fails, however the host is named.
//!
//! libpq gets what was understood here, written so that it can be read in one way only: both always mean the same host
//! and the same `sslmode`.

use std::fmt::Write;
use std::net::IpAddr;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode, percent_encode};

/// What is said of a URL that libpq could not read. It can hold a piece of the password, so none of it is repeated.
pub const MALFORMED: &str =
    "is malformed; write @ : / ? # and % in a name or password as %40 %3A %2F %3F %23 and %25";

const UNKNOWN_HOSTS: &str = "names a service, or PGSERVICE does, whose hosts are known too late to be sure of TLS: add \
                             sslmode to the URL, verify-full where you can";

/// How long a connection across a network may take to begin (s) and to show that it is still there (s, s, ms), unless the
/// URL says so itself. A firewall that forgot our connections says nothing; the kernel's own limits are a quarter of an
/// hour and two hours, and for so long the pool would hold on to them.
const SIGNS_OF_LIFE: [(&str, &str); 4] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("tcp_user_timeout", "10000"),
];

/// A checked URL. It may hold a password: it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// As libpq is to get it.
    pub for_libpq: String,
    /// Whether it is plain where the name and password end. If not, libpq may take a piece of the password for
    /// something else, and name it in an error.
    pub is_tidy: bool,
}

impl PostgresUrl {
    /// Reads a URL. `variable` is the process's environment, where libpq finds what the URL leaves out.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it.
    pub fn parse(
        url: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, &'static str> {
        Ok(PostgresUrl {
            for_libpq: read(url, variable)?,
            is_tidy: is_tidy(url),
        })
    }
}

/// libpq's options, each once, in the order in which they were first named.
struct Options(Vec<(String, Vec<u8>)>);

/// `url`, as libpq is to get it.
fn read(url: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, &'static str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let mut options = Options::parse(rest).ok_or(MALFORMED)?;
    let stays_here = options.stays_here(variable);
    // An empty one is no choice; libpq would refuse it.
    if options.get("sslmode").is_none_or(str::is_empty) {
        options.0.retain(|(keyword, _)| keyword != "sslmode");
        if options.given("service", "PGSERVICE", variable).is_some() {
            return Err(UNKNOWN_HOSTS);
        }
        if !stays_here {
            let mode = options.mode_across_a_network(variable);
            options.set("sslmode", mode.into());
            // Kerberos can encrypt, too, and libpq prefers it: then it would not be TLS.
            if options.get("gssencmode").is_none() {
                options.set("gssencmode", b"disable".to_vec());
            }
        }
    }
    if !stays_here {
        for (keyword, value) in SIGNS_OF_LIFE {
            if options.get(keyword).is_none() {
                options.set(keyword, value.into());
            }
        }
    }
    Ok(options.write())
}

impl Options {
    /// `[user[:password]@][host[:port][,…]][/database][?name=value[&…]]`; nothing if it is not.
    fn parse(rest: &str) -> Option<Options> {
        let mut options = Options(Vec::new());
        // The first of the two decides, whatever else comes before: a password may hold a `?`.
        let address = match rest.find(['@', '/']) {
            Some(at) if rest[at..].starts_with('@') => {
                let (user, password) = match rest[..at].split_once(':') {
                    Some((user, password)) => (user, password),
                    None => (&rest[..at], ""),
                };
                options.set_unless_empty("user", user)?;
                options.set_unless_empty("password", password)?;
                &rest[at + 1..]
            }
            _ => rest,
        };
        let rest = options.parse_hosts(address)?;
        let (database, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        options.set_unless_empty("dbname", database.strip_prefix('/').unwrap_or_default())?;
        // As libpq, which lets `&` end the last one.
        let parameters = parameters.strip_suffix('&').unwrap_or(parameters);
        for parameter in parameters.split('&').filter(|_| !parameters.is_empty()) {
            let (keyword, value) = parameter.split_once('=')?;
            let (keyword, value) = (decode(keyword)?, decode(value)?);
            if parameter.matches('=').count() > 1 {
                return None;
            }
            match (keyword.as_slice(), value.as_slice()) {
                // What JDBC calls it.
                (b"ssl", b"true") => options.set("sslmode", b"require".to_vec()),
                // What libpq called it once.
                (b"requiressl", [b'1', ..]) => options.set("sslmode", b"require".to_vec()),
                (b"requiressl", _) => options.set("sslmode", b"prefer".to_vec()),
                _ => options.set(std::str::from_utf8(&keyword).ok()?, value),
            }
        }
        Some(options)
    }

    /// One host or several, and what follows them.
    fn parse_hosts<'a>(&mut self, mut rest: &'a str) -> Option<&'a str> {
        let (mut hosts, mut ports) = (String::new(), String::new());
        loop {
            let host;
            if let Some(bracketed) = rest.strip_prefix('[') {
                (host, rest) = bracketed
                    .split_once(']')
                    .filter(|(host, _)| !host.is_empty())?;
                if !rest.is_empty() && !rest.starts_with([':', '/', '?', ',']) {
                    return None;
                }
            } else {
                (host, rest) = split_before(rest, &[':', '/', '?', ',']);
            }
            hosts.push_str(host);
            if let Some(after) = rest.strip_prefix(':') {
                let port;
                (port, rest) = split_before(after, &['/', '?', ',']);
                ports.push_str(port);
            }
            let Some(next) = rest.strip_prefix(',') else {
                break;
            };
            rest = next;
            hosts.push(',');
            ports.push(',');
        }
        self.set_unless_empty("host", &hosts)?;
        self.set_unless_empty("port", &ports)?;
        Some(rest)
    }

    fn set_unless_empty(&mut self, keyword: &str, encoded: &str) -> Option<()> {
        if !encoded.is_empty() {
            self.set(keyword, decode(encoded)?);
        }
        Some(())
    }

    /// The last one counts.
    fn set(&mut self, keyword: &str, value: Vec<u8>) {
        match self.0.iter_mut().find(|(known, _)| known == keyword) {
            Some((_, known)) => *known = value,
            None => self.0.push((keyword.to_owned(), value)),
        }
    }

    /// What is not text stands for itself nowhere.
    fn get(&self, keyword: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == keyword)?;
        Some(std::str::from_utf8(value).unwrap_or("\u{fffd}"))
    }

    /// What libpq takes: an option that is named, empty or not, hides the variable.
    fn given(
        &self,
        keyword: &str,
        name: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let named = self.get(keyword).map(str::to_owned);
        named.or_else(|| variable(name))
    }

    /// Whether no host that libpq may connect to is anywhere but on this machine.
    fn stays_here(&self, variable: &dyn Fn(&str) -> Option<String>) -> bool {
        let hosts = self.given("host", "PGHOST", variable).unwrap_or_default();
        let addresses = self.given("hostaddr", "PGHOSTADDR", variable);
        let addresses = addresses.unwrap_or_default();
        // An address, where there is one, is what is connected to; its host is but a name for it. If there are more of
        // the one than of the other, libpq refuses.
        let mut addresses = addresses.split(',');
        let mut of_host = |host| match addresses.next() {
            Some(address) if !address.is_empty() => is_loopback(address),
            _ => is_here(host),
        };
        // Counted, not stopped at the first: each takes its address.
        let elsewhere = hosts.split(',').filter(|host| !of_host(host)).count();
        elsewhere == 0 && addresses.all(|address| address.is_empty() || is_loopback(address))
    }

    /// What the environment asks for, if that is TLS; else what libpq would take, or TLS without a look at the
    /// certificate.
    fn mode_across_a_network(&self, variable: &dyn Fn(&str) -> Option<String>) -> String {
        let roots = self.given("sslrootcert", "PGSSLROOTCERT", variable);
        match variable("PGSSLMODE") {
            Some(mode) if ["require", "verify-ca", "verify-full"].contains(&&*mode) => mode,
            _ if roots.as_deref() == Some("system") => "verify-full".to_owned(),
            _ => "require".to_owned(),
        }
    }

    /// As a URL of parameters alone, in which nothing but letters and digits stands for itself.
    fn write(&self) -> String {
        let mut url = "postgres://".to_owned();
        for (at, (keyword, value)) in self.0.iter().enumerate() {
            let keyword = percent_encode(keyword.as_bytes(), NON_ALPHANUMERIC);
            let value = percent_encode(value, NON_ALPHANUMERIC);
            let separator = if at == 0 { '?' } else { '&' };
            write!(url, "{separator}{keyword}={value}").expect("a String takes everything");
        }
        url
    }
}

/// Percent-encoding as libpq takes it: no NUL, and spaces around it do not count.
fn decode(encoded: &str) -> Option<Vec<u8>> {
    let encoded = encoded.trim_matches(' ');
    let is_hex = |part: &str| {
        let digits = part.bytes().take(2);
        digits.filter(u8::is_ascii_hexdigit).count() == 2
    };
    if encoded.contains(' ') || !encoded.split('%').skip(1).all(is_hex) {
        return None;
    }
    let decoded: Vec<u8> = percent_decode(encoded.as_bytes()).collect();
    (!decoded.contains(&0)).then_some(decoded)
}

/// Whether it is plain where the name and password end.
fn is_tidy(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let Some((user_info, host)) = rest.split_once('@') else {
        return true;
    };
    let is_hex = |part: &str| part.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    !host.contains('@')
        && !user_info.contains(['/', '?', '#'])
        && user_info.matches(':').count() <= 1
        && user_info.split('%').skip(1).all(is_hex)
}

fn split_before<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// Nothing is the default, a Unix socket; so is what begins like a path, or like an abstract one.
fn is_here(host: &str) -> bool {
    host.is_empty()
        || host.starts_with(['/', '@'])
        || host.eq_ignore_ascii_case("localhost")
        || is_loopback(host)
}

fn is_loopback(address: &str) -> bool {
    let address: Option<IpAddr> = address.parse().ok();
    address.is_some_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests;
