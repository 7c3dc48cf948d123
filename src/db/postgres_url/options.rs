//! The options in a Postgres URL, read as libpq reads them and written so that they can be read in one way only.

use std::fmt::Write;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode, percent_encode};

/// libpq's options, each once, in the order of their first occurrence.
pub(super) struct Options(Vec<(String, Vec<u8>)>);

impl Options {
    /// `[user[:password]@][host[:port][,…]][/database][?name=value[&…]]`
    pub fn parse(rest: &str) -> Option<Options> {
        let mut options = Options(Vec::new());
        // The first of the two decides, whatever precedes it: a password may contain `?`.
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
        // Like libpq, which accepts `&` after the last one.
        let parameters = parameters.strip_suffix('&').unwrap_or(parameters);
        for parameter in parameters.split('&').filter(|_| !parameters.is_empty()) {
            let (keyword, value) = parameter.split_once('=')?;
            let (keyword, value) = (decode(keyword)?, decode(value)?);
            if parameter.matches('=').count() > 1 {
                return None;
            }
            match (keyword.as_slice(), value.as_slice()) {
                // JDBC's name for it.
                (b"ssl", b"true") => options.set("sslmode", b"require".to_vec()),
                // libpq's former name for it.
                (b"requiressl", [b'1', ..]) => options.set("sslmode", b"require".to_vec()),
                (b"requiressl", _) => options.set("sslmode", b"prefer".to_vec()),
                _ => options.set(std::str::from_utf8(&keyword).ok()?, value),
            }
        }
        Some(options)
    }

    /// Parses one or several hosts. Returns what follows them.
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

    /// Replaces an earlier value.
    pub fn set(&mut self, keyword: &str, value: Vec<u8>) {
        match self.0.iter_mut().find(|(known, _)| known == keyword) {
            Some((_, known)) => *known = value,
            None => self.0.push((keyword.to_owned(), value)),
        }
    }

    pub fn remove(&mut self, keyword: &str) {
        self.0.retain(|(known, _)| known != keyword);
    }

    /// Removes all options but these.
    pub fn keep(&mut self, keywords: &[&str]) {
        self.0.retain(|(known, _)| keywords.contains(&&**known));
    }

    /// The value of an option. Bytes that are not text become a character that no host, mode or file name has.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == keyword)?;
        Some(std::str::from_utf8(value).unwrap_or("\u{fffd}"))
    }

    /// What libpq uses: an option of the URL, even an empty one, hides the environment variable.
    pub fn given(
        &self,
        keyword: &str,
        name: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let named = self.get(keyword).map(str::to_owned);
        named.or_else(|| variable(name))
    }

    /// Writes a URL that has parameters only and encodes everything but letters and digits.
    pub fn write(&self) -> String {
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

/// Percent-decodes as libpq does: no NUL, and surrounding spaces are ignored.
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

fn split_before<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}
