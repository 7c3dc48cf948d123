//! The paths of the routes, below that of `PUBLIC_URL`.

pub const HOME: &str = "/";
pub const LOGIN: &str = "/login";
pub const STEP_UP: &str = "/step-up";
pub use crate::public_url::{BACKCHANNEL_LOGOUT, CALLBACK, FRONTCHANNEL_LOGOUT, UNIVERSAL_LOGOUT};
pub const PROFILE: &str = "/profile";
pub const SESSIONS: &str = "/sessions";
pub const SESSIONS_END: &str = "/sessions/end";
pub const SESSIONS_END_OTHERS: &str = "/sessions/end-others";
pub const SESSIONS_END_ALL: &str = "/sessions/end-all";
pub const LOGOUT: &str = "/logout";
pub const HANDOVER: &str = "/handover";
pub const REFUSED: &str = "/refused";
pub const JWKS: &str = "/.well-known/jwks.json";
pub const HEALTHZ: &str = "/healthz";
pub const READYZ: &str = "/readyz";
pub const ASSET: &str = "/assets/{file}";
