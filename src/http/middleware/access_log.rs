//! The access log: a line for each request, with the target `doorward::access`.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;

use crate::observe::logging::{Quoted, cut};

/// How much of a method and of a path is logged, in characters. Both can be long.
const METHOD_LIMIT: usize = 16;
const PATH_LIMIT: usize = 256;

/// The part of a request that is logged. Never the query: the callback's has the code in it.
pub struct RequestLine {
    /// The method.
    pub method: String,
    /// The path as it was sent, not decoded.
    pub path: String,
}

impl RequestLine {
    /// That of `request`, with long parts cut.
    pub fn of(request: &ServiceRequest) -> Self {
        RequestLine {
            method: shortened(request.method().as_str(), METHOD_LIMIT),
            path: shortened(request.path(), PATH_LIMIT),
        }
    }
}

/// `text`, or its first `limit` characters and an ellipsis if it is longer.
fn shortened(text: &str, limit: usize) -> String {
    let beginning = cut(text, limit);
    match beginning.len() < text.len() {
        true => format!("{beginning}…"),
        false => beginning.to_owned(),
    }
}

/// Logs a request: a sentence for people, and fields for machines.
pub fn write(line: &RequestLine, address: Option<IpAddr>, status: StatusCode, took: Duration) {
    let RequestLine { method, path } = line;
    let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
    let (address, status) = (OrDash(address), status.as_u16());
    log::info!(
        target: "doorward::access",
        address:%, method = method.as_str(), path = path.as_str(), status, duration_ms;
        "{address} {method} {} {status} {duration_ms:.1} ms", Quoted(path)
    );
}

/// An address, or a dash if it is unknown, as behind a Unix socket.
struct OrDash(Option<IpAddr>);

impl fmt::Display for OrDash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("-"),
        }
    }
}
