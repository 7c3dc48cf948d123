//! Patterns of hosts and paths. There are few kinds of them, so that each says at a glance what it fits.

use crate::gateway::host::{Host, Scheme};

/// Which hosts a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host, with its port unless that is the scheme's default.
    Host(String),
    /// `*.example.com`, here without `*.`: all hosts with one label more.
    BelowParent(String),
}

impl HostPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<HostPattern, String> {
        let (name, is_wildcard) = match text.strip_prefix("*.") {
            Some(parent) => (parent, true),
            None => (text, false),
        };
        if name.contains('*') {
            return Err(
                "has a * that is not its whole first label, as in *.example.com".to_owned(),
            );
        }
        if name.contains("://") || name.contains('/') {
            return Err("is a URL; write the host alone, such as app.example.com".to_owned());
        }
        // A port that one of the schemes has by default is never in a request's host.
        if name.ends_with(":80") || name.ends_with(":443") {
            return Err("has a default port; leave it out".to_owned());
        }
        let host = Host::parse(name, Scheme::Https);
        let host = host.ok_or_else(|| {
            "is not a host, such as app.example.com or app.example.com:8443".to_owned()
        })?;
        let host = host.as_str().to_owned();
        match is_wildcard {
            true if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() => {
                Err("is below an address; only names have names below them".to_owned())
            }
            true => Ok(HostPattern::BelowParent(host)),
            false => Ok(HostPattern::Host(host)),
        }
    }

    /// The pattern of all hosts that differ from this one in their first label.
    pub fn parent(&self) -> Option<HostPattern> {
        match self {
            HostPattern::Host(host) => {
                let (_, parent) = host.split_once('.')?;
                Some(HostPattern::BelowParent(parent.to_owned()))
            }
            HostPattern::BelowParent(_) => None,
        }
    }
}

/// As in the file.
impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HostPattern::Host(host) => f.write_str(host),
            HostPattern::BelowParent(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// Which paths a rule is for: a path and all below it, or one path exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    lower: String,
    is_exact: bool,
}

impl PathPattern {
    /// Reads a pattern: `/admin`, `=/healthz`, `/api/*/export`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<PathPattern, String> {
        let (path, is_exact) = match text.strip_prefix('=') {
            Some(path) => (path, true),
            None => (text, false),
        };
        if !path.starts_with('/') {
            return Err("does not begin with a slash (or =/ for one path exactly)".to_owned());
        }
        if let Some(other) = path
            .chars()
            // Browsers send the last seven escaped only (URL Standard, path percent-encode set).
            .find(|it| !it.is_ascii_graphic() || "%;?#\\\"<>^`{}".contains(*it))
        {
            return Err(format!("has {other:?}, which a pattern can't have"));
        }
        if path.contains("//") {
            return Err("has an empty segment".to_owned());
        }
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err("has a dot segment".to_owned());
        }
        if path
            .split('/')
            .any(|segment| segment.contains('*') && segment != "*")
        {
            return Err(
                "has a * beside other characters; it stands for one whole segment".to_owned(),
            );
        }
        if !is_exact && path.len() > 1 && path.ends_with('/') {
            let without = path.trim_end_matches('/');
            return Err(format!(
                "ends with a slash; write {without}, which fits all paths below it too"
            ));
        }
        Ok(PathPattern {
            // Everything is below the empty path.
            text: if path == "/" && !is_exact {
                String::new()
            } else {
                path.to_owned()
            },
            lower: if path == "/" && !is_exact {
                String::new()
            } else {
                path.to_ascii_lowercase()
            },
            is_exact,
        })
    }

    /// Its text without the mark of an exact one; that of the pattern of all paths is empty.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same in lower case.
    pub fn lower(&self) -> &str {
        &self.lower
    }

    /// Whether it fits its path alone, and nothing below it.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Whether it fits every path.
    pub fn fits_all(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether it has capital letters.
    pub fn has_capitals(&self) -> bool {
        self.text != self.lower
    }
}

/// As in the file.
impl std::fmt::Display for PathPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.is_exact { "=" } else { "" };
        let path = if self.text.is_empty() {
            "/"
        } else {
            &self.text
        };
        write!(f, "{mark}{path}")
    }
}

#[cfg(test)]
mod tests;
