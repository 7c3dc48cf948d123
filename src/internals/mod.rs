//! What `benches/pieces` measures and the fuzz targets call: no part of a release.

#[cfg(any(test, fuzzing))]
pub mod fuzzing;

pub use crate::http::pages::{Claim, LoginPage, Pages, ProfilePage};
pub use crate::oidc::internals::*;
pub use crate::public_url::PublicUrl;
pub use crate::session::ReturnTo;
pub use crate::session::internals::Keys;
