//! The addresses that are named more than once.

pub const HOME: &str = "/";
pub const LOGIN: &str = "/login";
pub const CALLBACK: &str = "/authorization-code/callback";
pub const PROFILE: &str = "/profile";
pub const LOGOUT: &str = "/logout";
