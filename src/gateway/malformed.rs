//! What is wrong with a proxy's description of a request.

use std::fmt;

/// Why a description of a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Which part: the reason in logs.
    pub part: Part,
    /// The header, as operators write it. Of Envoy's requests, a part of the request itself.
    pub header: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// A part of an original request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The method.
    Method,
    /// The scheme.
    Scheme,
    /// The host.
    Host,
    /// The path or the query.
    Path,
    /// A header as a whole.
    Header,
}

impl Part {
    /// The reason in logs.
    pub fn reason(self) -> &'static str {
        match self {
            Part::Method => "malformed_method",
            Part::Scheme => "malformed_scheme",
            Part::Host => "malformed_host",
            Part::Path => "malformed_path",
            Part::Header => "malformed_header",
        }
    }
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there: the proxy's configuration lacks a line.
    Missing,
    /// It is there more than once: the proxy adds to what the client sent, and must replace it.
    Repeated,
    /// It has characters that it can't have, or is too long.
    NotText,
    /// Its value is not acceptable.
    Invalid,
    /// It says http, and `PUBLIC_URL` is https.
    NotHttps,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header;
        match self.fault {
            Fault::Missing => write!(f, "{header} is missing: the proxy must set it"),
            Fault::Repeated => {
                write!(
                    f,
                    "{header} is there more than once: the proxy must replace what clients send"
                )
            }
            Fault::NotText => write!(
                f,
                "{header} is too long or has characters that it can't have"
            ),
            Fault::Invalid => write!(f, "{header} has a value that is not accepted"),
            Fault::NotHttps => write!(
                f,
                "{header} says http, but PUBLIC_URL is https: a proxy in front of the proxy ends TLS, and its scheme must be passed on"
            ),
        }
    }
}
