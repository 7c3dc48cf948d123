//! The addresses that are named more than once, and what stands before each of them.

use std::sync::Arc;

use url::Url;

pub const HOME: &str = "/";
pub const LOGIN: &str = "/login";
pub const CALLBACK: &str = "/authorization-code/callback";
pub const PROFILE: &str = "/profile";
pub const LOGOUT: &str = "/logout";
pub const HEALTHZ: &str = "/healthz";
pub const READYZ: &str = "/readyz";
pub const ASSET: &str = "/assets/{file}";

/// The routes, as the metrics name them.
pub const ROUTES: [&str; 8] = [
    HOME, LOGIN, CALLBACK, PROFILE, LOGOUT, HEALTHZ, READYZ, ASSET,
];

/// What is no route of ours, as the metrics name it.
pub const NO_ROUTE: &str = "none";

/// Which of [`ROUTES`] a path is on.
pub fn route(path: &str) -> Option<usize> {
    let (assets, _) = ASSET.split_once('{').expect("it has a file");
    let route = match path.strip_prefix(assets) {
        Some(file) if file.is_empty() || file.contains('/') => return None,
        Some(_) => ASSET,
        None => path,
    };
    ROUTES.iter().position(|known| *known == route)
}

/// The path of `PUBLIC_URL`: nothing, or like `/doorward`. Everything that browsers see is below it.
#[derive(Clone, Debug, Default)]
pub struct Base(Arc<str>);

impl Base {
    /// The base that `public_url` gives.
    pub fn of(public_url: &Url) -> Self {
        Base(public_url.path().trim_end_matches('/').into())
    }

    /// Where browsers find `path`, which begins with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// What stands before each path; empty where `PUBLIC_URL` is an origin.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left of a whole path without it; the path itself where it is not below.
    pub fn strip<'a>(&self, path: &'a str) -> &'a str {
        match path.strip_prefix(self.as_str()) {
            Some("") => HOME,
            Some(below) if below.starts_with('/') => below,
            _ => path,
        }
    }

    /// For the `Path` of a cookie.
    pub fn cookie_path(&self) -> &str {
        match self.is_root() {
            true => "/",
            false => &self.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_on_its_route_or_on_none() {
        for (number, path) in ROUTES.iter().enumerate() {
            assert_eq!(route(&path.replace("{file}", "style.css")), Some(number));
        }
        for stray in ["", "/x", "/login/", "/LOGIN", "/assets/", "/assets/a/b"] {
            assert_eq!(route(stray), None, "{stray}");
        }
    }

    #[test]
    fn everything_is_below_the_path_of_the_public_url() {
        for (public_url, home, cookie_path) in [
            ("https://app.example.com", "/", "/"),
            ("https://app.example.com/", "/", "/"),
            (
                "https://app.example.com/doorward",
                "/doorward/",
                "/doorward",
            ),
            (
                "https://app.example.com/doorward/",
                "/doorward/",
                "/doorward",
            ),
            ("https://app.example.com/a/b", "/a/b/", "/a/b"),
        ] {
            let base = Base::of(&Url::parse(public_url).unwrap());
            assert_eq!(base.at(HOME), home, "{public_url}");
            assert_eq!(base.cookie_path(), cookie_path, "{public_url}");
        }
    }
}
