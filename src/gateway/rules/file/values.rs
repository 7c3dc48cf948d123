//! What a text in a list may be: each function reads one kind, or says what is wrong.

use ipnet::IpNet;

use crate::gateway::rules::people::split_email;

pub fn word(text: &str) -> Result<String, String> {
    match text.trim().is_empty() {
        true => Err("is empty".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// One that fits into `acr_values`, which are separated by spaces, and into a quoted string.
pub fn acr(text: &str) -> Result<String, String> {
    let is_fine = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    match !text.is_empty() && text.bytes().all(is_fine) {
        true => Ok(text.to_owned()),
        false => {
            Err("is not an acr: visible ASCII without spaces, quotes and backslashes".to_owned())
        }
    }
}

pub fn method(text: &str) -> Result<String, String> {
    let is_fine = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
    match text {
        "CONNECT" | "TRACE" => Err("never reaches an app".to_owned()),
        "HEAD" => Err("is a part of GET; write GET".to_owned()),
        text if (1..=20).contains(&text.len()) && text.bytes().all(is_fine) => Ok(text.to_owned()),
        _ => Err("is not a method in capital letters, such as GET".to_owned()),
    }
}

pub fn network(text: &str) -> Result<IpNet, String> {
    let address = || {
        text.parse()
            .ok()
            .map(|ip: std::net::IpAddr| ip.to_canonical().into())
    };
    let network: Option<IpNet> = text.parse().ok().or_else(address);
    network.ok_or_else(|| "is not a network, such as 10.0.0.0/8, nor an address".to_owned())
}

pub fn email(text: &str) -> Result<String, String> {
    match split_email(text) {
        Some(_) => Ok(text.to_ascii_lowercase()),
        None => Err("is not an email address".to_owned()),
    }
}

pub fn email_domain(text: &str) -> Result<String, String> {
    let is_domain = !text.is_empty() && !text.contains(['@', '*', ' ']) && !text.starts_with('.');
    match is_domain {
        true => Ok(text.to_ascii_lowercase()),
        false => {
            Err("is not a domain, such as example.com; each domain is named by itself".to_owned())
        }
    }
}

/// As browsers write it in `Origin`.
pub fn origin(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).ok();
    let origin = url.map(|url| url.origin().ascii_serialization());
    match origin.as_deref() == Some(text) && text != "null" {
        true => Ok(text.to_owned()),
        false => Err("is not an origin, such as https://spa.example.com".to_owned()),
    }
}
