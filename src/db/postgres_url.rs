//! Which Postgres: the URL read as libpq reads it (`conninfo_uri_parse_options` in its `fe-connect.c`), so that a
//! connection across a network is TLS or fails, however the host is named.
//!
//! libpq gets the parsed URL written in a canonical form, so that both always mean the same host and the same `sslmode`.

mod options;

use std::net::IpAddr;

use options::Options;

/// The message for a URL that libpq could not read. It repeats no part of the URL, which may be a part of the password.
pub const MALFORMED: &str =
    "is malformed; write @ : / ? # and % in a name or password as %40 %3A %2F %3F %23 and %25";

const UNKNOWN_HOSTS: &str = "names a service, or PGSERVICE does, whose hosts are known too late to be sure of TLS: add \
                             sslmode to the URL, verify-full where you can";

/// Timeouts of each connection, unless the URL sets them: to connect (s), and for keepalives (s, s, ms). A firewall that has
/// dropped its state is silent. The kernel's own limits are a quarter of an hour and two hours, and the pool would keep dead
/// connections for as long. Connecting takes less than a query waits for a connection, so that the cause is known by then.
const CONNECTION_TIMEOUTS: [(&str, &str); 4] = [
    ("connect_timeout", "4"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("tcp_user_timeout", "10000"),
];

/// Timeouts (ms) that the server enforces, unless the URL's `options` or `PGOPTIONS` sets them. Whoever waits for a query
/// gets an error after six seconds, and the server must then no longer work on it. The last one frees the locks of a
/// process that was frozen or cut off within a transaction.
const SERVER_TIMEOUTS: [(&str, u32); 3] = [
    ("lock_timeout", 4_000),
    ("statement_timeout", 5_000),
    ("idle_in_transaction_session_timeout", 10_000),
];

/// A checked URL. It may hold a password: it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// The URL that libpq gets.
    pub for_libpq: String,
    /// Whether it is clear where user name and password end. If not, libpq may take a piece of the password for something
    /// else and name it in an error.
    pub is_tidy: bool,
    /// The statements that set the server's timeouts, to be run on each new connection. Not libpq's `options`: PgBouncer
    /// refuses connections that have them.
    pub server_timeouts: String,
}

impl PostgresUrl {
    /// Reads a URL. `variable` is the process's environment, where libpq finds what the URL leaves out.
    ///
    /// # Errors
    /// What is wrong with it. The message contains no part of the URL.
    pub fn parse(
        url: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, &'static str> {
        let options = read(url, variable)?;
        Ok(PostgresUrl {
            server_timeouts: options.server_timeouts(variable),
            for_libpq: options.write(),
            is_tidy: is_tidy(url),
        })
    }
}

impl PostgresUrl {
    /// A URL for the tools of Postgres, with nothing secret in it and nothing that a shell would read within single
    /// quotes.
    pub fn without_password(&self) -> String {
        let parameters = self.for_libpq.split_once("://").map(|(_, rest)| rest);
        match parameters.and_then(Options::parse) {
            Some(mut options) if self.is_tidy => {
                options.keep(&WHERE_AND_WHO);
                options.write()
            }
            _ => "postgres://USER@HOST/DATABASE".to_owned(),
        }
    }
}

/// The options that say where the database is and who we are there.
const WHERE_AND_WHO: [&str; 9] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
];

/// The options that libpq gets.
fn read(url: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Options, &'static str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let mut options = Options::parse(rest).ok_or(MALFORMED)?;
    let is_local = options.is_local(variable);
    // libpq would reject an empty one, so it counts as missing.
    if options.get("sslmode").is_none_or(str::is_empty) {
        options.remove("sslmode");
        if options.given("service", "PGSERVICE", variable).is_some() {
            return Err(UNKNOWN_HOSTS);
        }
        if !is_local {
            let mode = options.mode_across_a_network(variable);
            options.set("sslmode", mode.into());
            // libpq prefers Kerberos encryption, which is not TLS.
            if options.get("gssencmode").is_none() {
                options.set("gssencmode", b"disable".to_vec());
            }
        }
    }
    for (keyword, value) in CONNECTION_TIMEOUTS {
        if options.get(keyword).is_none() {
            options.set(keyword, value.into());
        }
    }
    Ok(options)
}

impl Options {
    /// Whether all hosts that libpq may connect to are this machine.
    fn is_local(&self, variable: &dyn Fn(&str) -> Option<String>) -> bool {
        let hosts = self.given("host", "PGHOST", variable).unwrap_or_default();
        let addresses = self.given("hostaddr", "PGHOSTADDR", variable);
        let addresses = addresses.unwrap_or_default();
        // Where there is an address, libpq connects to it, and the host is only its name. libpq rejects lists of
        // different lengths.
        let mut addresses = addresses.split(',');
        let mut of_host = |host| match addresses.next() {
            Some(address) if !address.is_empty() => is_loopback(address),
            _ => is_local_host(host),
        };
        // Counts all of them, since each takes an address from the iterator.
        let elsewhere = hosts.split(',').filter(|host| !of_host(host)).count();
        elsewhere == 0 && addresses.all(|address| address.is_empty() || is_loopback(address))
    }

    /// The statements that set the [`SERVER_TIMEOUTS`].
    fn server_timeouts(&self, variable: &dyn Fn(&str) -> Option<String>) -> String {
        let chosen = self.given("options", "PGOPTIONS", variable);
        let chosen = chosen.unwrap_or_default();
        let ours = SERVER_TIMEOUTS
            .iter()
            .filter(|(name, _)| !chosen.contains(name));
        ours.map(|(name, value)| format!("SET {name} = {value};"))
            .collect()
    }

    /// The mode of the environment, if that is TLS. Otherwise the one that libpq would use, or TLS without a check of the
    /// certificate.
    fn mode_across_a_network(&self, variable: &dyn Fn(&str) -> Option<String>) -> String {
        let roots = self.given("sslrootcert", "PGSSLROOTCERT", variable);
        match variable("PGSSLMODE") {
            Some(mode) if ["require", "verify-ca", "verify-full"].contains(&&*mode) => mode,
            _ if roots.as_deref() == Some("system") => "verify-full".to_owned(),
            _ => "require".to_owned(),
        }
    }
}

/// Whether it is clear where user name and password end.
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

/// An empty host is the default, a Unix socket. So is one that starts like a path or like an abstract socket.
fn is_local_host(host: &str) -> bool {
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
