//! What a browser asked an app for, as the proxy between them describes it. Each way of asking has its own set of headers
//! and reads no other: clients can send any header, and proxies pass on those that they do not set themselves
//! (CVE-2026-40575).

use std::borrow::Cow;

use super::Headers;
use super::host::{Host, Scheme};
use super::malformed::{Fault, Malformed, Part};
use super::path::{Target, URI_LIMIT};

/// The longest method, in bytes.
const METHOD_LIMIT: usize = 20;

/// What frameworks let override the method.
const METHOD_OVERRIDES: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// A request of a browser to an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRequest<'a> {
    /// Capital letters.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Whether the scheme was `ws` or `wss`.
    pub is_websocket: bool,
    /// The app's host.
    pub host: Host<'a>,
    /// The path and the query.
    pub target: Target<'a>,
    /// The methods that an app may read instead.
    pub method_overrides: Vec<&'a [u8]>,
}

impl<'a> OriginalRequest<'a> {
    /// A request of this method for this URL.
    ///
    /// # Errors
    /// As [`forward`].
    pub fn of_url(method: &'a str, url: &'a str) -> Result<OriginalRequest<'a>, Malformed> {
        Ok(OriginalRequest {
            method: checked_method(method, "the method")?,
            ..of_url(url.as_bytes())?
        })
    }

    /// Scheme and host (RFC 6454, 6.2).
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.host)
    }

    /// The whole URL.
    pub fn url(&self) -> String {
        let query = self.target.query.as_deref();
        let (mark, query) = query.map_or(("", ""), |query| ("?", query));
        format!("{}{}{mark}{query}", self.origin(), self.target.path)
    }
}

/// Reads the headers of Caddy, Traefik and HAProxy.
///
/// # Errors
/// A header is missing, repeated or malformed.
pub fn forward<H: Headers>(headers: &H) -> Result<OriginalRequest<'_>, Malformed> {
    let method = one(headers, "x-forwarded-method", "X-Forwarded-Method")?;
    let proto = one(headers, "x-forwarded-proto", "X-Forwarded-Proto")?;
    let host = one(headers, "x-forwarded-host", "X-Forwarded-Host")?;
    let uri = one_uri(headers, "x-forwarded-uri", "X-Forwarded-Uri")?;
    let (scheme, is_websocket) = scheme(proto).ok_or(invalid(Part::Scheme, "X-Forwarded-Proto"))?;
    Ok(OriginalRequest {
        method: checked_method(method, "X-Forwarded-Method")?,
        scheme,
        is_websocket,
        host: Host::parse(host, scheme).ok_or(invalid(Part::Host, "X-Forwarded-Host"))?,
        target: Target::parse(uri).ok_or(invalid(Part::Path, "X-Forwarded-Uri"))?,
        method_overrides: method_overrides(headers),
    })
}

/// Reads nginx's headers.
///
/// # Errors
/// As [`forward`].
pub fn request<H: Headers>(headers: &H) -> Result<OriginalRequest<'_>, Malformed> {
    let method = one(headers, "x-original-method", "X-Original-Method")?;
    let url = one_uri(headers, "x-original-url", "X-Original-URL")?;
    Ok(OriginalRequest {
        method: checked_method(method, "X-Original-Method")?,
        method_overrides: method_overrides(headers),
        ..of_url(url)?
    })
}

/// A GET of this URL.
fn of_url(url: &[u8]) -> Result<OriginalRequest<'_>, Malformed> {
    const URL: &str = "X-Original-URL";
    let scheme_end = url.windows(3).position(|part| part == b"://");
    let scheme_end = scheme_end.ok_or(invalid(Part::Scheme, URL))?;
    let as_text = |bytes, part| std::str::from_utf8(bytes).map_err(|_| invalid(part, URL));
    let (scheme, is_websocket) =
        scheme(as_text(&url[..scheme_end], Part::Scheme)?).ok_or(invalid(Part::Scheme, URL))?;
    let rest = &url[scheme_end + 3..];
    let host_end = rest.iter().position(|byte| *byte == b'/');
    let (host, target) = rest.split_at(host_end.ok_or(invalid(Part::Path, URL))?);
    let host = as_text(host, Part::Host)?;
    Ok(OriginalRequest {
        method: "GET",
        scheme,
        is_websocket,
        host: Host::parse(host, scheme).ok_or(invalid(Part::Host, URL))?,
        target: Target::parse(target).ok_or(invalid(Part::Path, URL))?,
        method_overrides: Vec::new(),
    })
}

/// Reads a request of Envoy: `method` and `uri` are those of the request to us, without what `path_prefix` added. The scheme
/// is `default_scheme` if there is no `X-Forwarded-Proto`.
///
/// # Errors
/// As [`forward`].
pub fn ext_authz<'a, H: Headers>(
    headers: &'a H,
    method: &'a str,
    uri: &'a [u8],
    default_scheme: Scheme,
) -> Result<OriginalRequest<'a>, Malformed> {
    let proto = match one(headers, "x-forwarded-proto", "X-Forwarded-Proto") {
        Ok(proto) => scheme(proto).ok_or(invalid(Part::Scheme, "X-Forwarded-Proto"))?,
        Err(Malformed {
            fault: Fault::Missing,
            ..
        }) => (default_scheme, false),
        Err(malformed) => return Err(malformed),
    };
    let (scheme, is_websocket) = proto;
    let host = one(headers, "host", "Host")?;
    Ok(OriginalRequest {
        method: checked_method(method, "the method")?,
        scheme,
        is_websocket,
        host: Host::parse(host, scheme).ok_or(invalid(Part::Host, "Host"))?,
        target: Target::parse(uri).ok_or(invalid(Part::Path, "the path"))?,
        method_overrides: method_overrides(headers),
    })
}

fn invalid(part: Part, header: &'static str) -> Malformed {
    Malformed {
        part,
        header,
        fault: Fault::Invalid,
    }
}

/// The only value of a header, as visible ASCII.
fn one<'a, H: Headers>(
    headers: &'a H,
    name: &'static str,
    as_written: &'static str,
) -> Result<&'a str, Malformed> {
    let value = one_uri(headers, name, as_written)?;
    let not_text = Malformed {
        part: Part::Header,
        header: as_written,
        fault: Fault::NotText,
    };
    let text = std::str::from_utf8(value).map_err(|_| not_text)?;
    match text.is_ascii() {
        true => Ok(text),
        false => Err(not_text),
    }
}

/// The only value of a header, which may have bytes beyond ASCII.
fn one_uri<'a, H: Headers>(
    headers: &'a H,
    name: &'static str,
    as_written: &'static str,
) -> Result<&'a [u8], Malformed> {
    let fault = |fault| Malformed {
        part: Part::Header,
        header: as_written,
        fault,
    };
    let mut values = headers.values(name);
    let value = values.next().ok_or(fault(Fault::Missing))?;
    if values.next().is_some() {
        return Err(fault(Fault::Repeated));
    }
    // Scheme and host come on top of the URI.
    let is_visible = |byte: &u8| *byte > b' ' && *byte != 0x7f;
    match value.len() <= URI_LIMIT + 512 && value.iter().all(is_visible) {
        true => Ok(value),
        false => Err(fault(Fault::NotText)),
    }
}

fn scheme(text: &str) -> Option<(Scheme, bool)> {
    Some((Scheme::parse(text)?, text.starts_with('w')))
}

/// CONNECT and TRACE concern proxies, not apps.
fn checked_method<'a>(text: &'a str, header: &'static str) -> Result<&'a str, Malformed> {
    let is_fine = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
    let is_method = (1..=METHOD_LIMIT).contains(&text.len()) && text.bytes().all(is_fine);
    match is_method && !matches!(text, "CONNECT" | "TRACE") {
        true => Ok(text),
        false => Err(invalid(Part::Method, header)),
    }
}

fn method_overrides<H: Headers>(headers: &H) -> Vec<&[u8]> {
    let values = METHOD_OVERRIDES
        .iter()
        .flat_map(|name| headers.values(name));
    values.collect()
}

/// The method that an app may read in an override, in capital letters.
pub(super) fn overriding_method(value: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(value).ok()?.trim_ascii();
    let upper = text.to_ascii_uppercase();
    checked_method(&upper, "")
        .is_ok()
        .then_some(Cow::Owned(upper))
}

#[cfg(test)]
pub(super) mod tests;
