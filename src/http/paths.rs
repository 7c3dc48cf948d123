//! The addresses that are named more than once.

pub const HOME: &str = "/";
pub const LOGIN: &str = "/login";
pub use crate::public_url::CALLBACK;
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
}
