//! What a variable may hold: each function reads one kind of value, or says what is wrong with it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice};
use url::Url;

use super::source::FileContent;
use crate::duration;
use crate::observe::logging::LogFormat;
use crate::oidc::{self, ClientAuthMethod, ResponseMode};

pub fn socket_addr(text: String) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "is not an IP address with a port".to_owned())
}

pub fn log_format(text: String) -> Result<LogFormat, String> {
    match text.as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("is neither text nor json".to_owned()),
    }
}

pub fn text(text: String) -> Result<String, String> {
    Ok(text)
}

pub fn issuer(text: String) -> Result<String, String> {
    let url = Url::parse(&text).map_err(|cause| format!("is not a URL ({cause})"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment; an issuer has neither".to_owned());
    }
    if text.contains("/.well-known/") {
        return Err(
            "is the address of the discovery document; the issuer is the part before /.well-known"
                .to_owned(),
        );
    }
    if !oidc::is_confidential(&url) {
        return Err("must be https (plain http only on this machine)".to_owned());
    }
    if !has_plain_host(&url) {
        return Err("has a host with other characters than letters, digits, - . _".to_owned());
    }
    Ok(text)
}

/// Origins, as a policy of a page names them.
pub fn origins(text: String) -> Result<Vec<String>, String> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let url = Url::parse(word).ok();
            let url = url.filter(|url| oidc::is_confidential(url) && has_plain_host(url));
            url.map(|url| url.origin().ascii_serialization())
                .filter(|origin| word.strip_suffix('/').unwrap_or(word) == origin)
                .ok_or_else(|| {
                    format!(
                        "has an entry that is no origin such as https://login.example.com: {word:?}"
                    )
                })
        })
        .collect()
}

/// Whether the origin can be named in a policy of a page. A host may have characters that end a directive or the policy, or
/// that stand for other hosts.
fn has_plain_host(url: &Url) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte);
    url.origin().ascii_serialization().bytes().all(is_plain)
}

pub fn scopes(text: String) -> Result<String, String> {
    match text.split_ascii_whitespace().any(|scope| scope == "openid") {
        true => Ok(text),
        false => Err("lacks openid, without which the provider identifies nobody".to_owned()),
    }
}

pub fn ca_file(file: io::Result<FileContent>) -> Result<Vec<u8>, String> {
    let file = file.map_err(|cause| format!("can't be read ({cause})"))?;
    let pem = file.bytes.expose_secret();
    oidc::tls_config(Some(pem))?;
    Ok(pem.to_vec())
}

pub fn algorithms(text: String) -> Result<Vec<jsonwebtoken::Algorithm>, String> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            oidc::allowed_algorithm(word).ok_or_else(|| {
                "names an algorithm that is not supported; supported are asymmetric ones such as RS256 and ES256".to_owned()
            })
        })
        .collect()
}

pub fn client_auth(text: String) -> Result<ClientAuthMethod, String> {
    let methods = [ClientAuthMethod::Basic, ClientAuthMethod::Post];
    let found = methods.into_iter().find(|method| method.name() == text);
    found.ok_or_else(|| "is neither client_secret_basic nor client_secret_post".to_owned())
}

pub fn response_mode(text: String) -> Result<ResponseMode, String> {
    let modes = [ResponseMode::Query, ResponseMode::FormPost];
    let found = modes.into_iter().find(|mode| mode.name() == text);
    found.ok_or_else(|| "is neither query nor form_post".to_owned())
}

pub fn number(text: String) -> Result<u32, String> {
    text.parse().map_err(|_| "is not a whole number".to_owned())
}

pub fn positive(text: String) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "is not a whole number above zero".to_owned())
}

pub fn boolean(text: String) -> Result<bool, String> {
    match text.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

/// A session that ended elsewhere stays open here for so long, which must be short.
pub fn session_cache(text: String) -> Result<Duration, String> {
    match duration::parse_or_zero(text)? {
        lifetime if lifetime <= Duration::from_secs(60) => Ok(lifetime),
        _ => Err("is longer than a minute".to_owned()),
    }
}

/// 64 bytes or more that look random: a key of one repeated byte or of text was made by hand.
pub fn session_key(text: String) -> Result<SecretSlice<u8>, String> {
    let compact: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD
        .decode(compact)
        .map_err(|_| "is not base64".to_owned())?;
    if bytes.len() < 64 {
        return Err(format!("has {} bytes; it needs 64 or more", bytes.len()));
    }
    let distinct: std::collections::BTreeSet<u8> = bytes.iter().copied().collect();
    if distinct.len() < 32 {
        return Err("is not random".to_owned());
    }
    Ok(SecretSlice::from(bytes))
}
