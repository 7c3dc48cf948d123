//! Who is signed in: the only code that knows actix-session and actix-identity.

mod answer;
mod disguise;
mod keys;
mod login;
mod logout;
#[cfg(test)]
mod properties;
mod return_to;
mod signed_in;
mod store;

use std::sync::Arc;
use std::time::Duration;

use actix_identity::IdentityMiddleware;
use actix_session::SessionMiddleware;
use actix_session::config::{BrowserSession, CookieContentSecurity};
use actix_web::cookie::SameSite;

pub use disguise::drop_disguised_cookies;
pub use login::{Login, NoLogin};
pub use return_to::ReturnTo;
pub use signed_in::{SignedIn, sign_in};

use crate::clock::Clock;
use crate::db::Db;
use crate::paths::Base;
use crate::settings::Settings;
use keys::Keys;
use store::DatabaseStore;

/// What the fuzz targets need of the inside.
#[cfg(fuzzing)]
pub(crate) mod door {
    pub use super::keys::Keys;
}

/// The rules of sessions and of the cookies that carry them.
pub struct Sessions {
    keys: Keys,
    secure: bool,
    base: Base,
    idle_timeout: Duration,
    absolute_timeout: Duration,
    clock: Clock,
    db: Db,
}

impl Sessions {
    /// The rules that `settings` give.
    pub fn new(settings: &Settings, db: Db, clock: Clock) -> Self {
        Sessions {
            keys: Keys::derive(&settings.session_key),
            secure: settings.public_url.scheme() == "https",
            base: Base::of(&settings.public_url),
            idle_timeout: settings.idle_timeout,
            absolute_timeout: settings.absolute_timeout,
            clock,
            db,
        }
    }

    /// Over https the prefix makes browsers refuse the cookie from a sibling domain or over http.
    /// Below a path, only over http: `__Host-` cookies are for the whole host.
    fn cookie_name(&self, name: &str) -> String {
        match (self.secure, self.base.is_root()) {
            (true, true) => format!("__Host-{name}"),
            (true, false) => format!("__Secure-{name}"),
            (false, _) => name.to_owned(),
        }
    }
}

/// Loads the session before the handlers and stores it after them.
pub fn session_middleware(sessions: &Arc<Sessions>) -> SessionMiddleware<DatabaseStore> {
    let store = DatabaseStore::new(sessions.clone());
    SessionMiddleware::builder(store, sessions.keys.cookie.clone())
        .cookie_name(sessions.cookie_name("doorward"))
        .cookie_secure(sessions.secure)
        .cookie_http_only(true)
        .cookie_path(sessions.base.cookie_path().to_owned())
        // Lax, or a person who follows a link to us would seem signed out.
        .cookie_same_site(SameSite::Lax)
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(BrowserSession::default())
        .build()
}

/// Tells from the session whose it is. Its deadlines stay off: they would write at each request,
/// and the store keeps them.
pub fn identity_middleware() -> IdentityMiddleware {
    IdentityMiddleware::builder().id_key(store::USER_ID).build()
}
