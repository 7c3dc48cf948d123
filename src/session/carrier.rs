//! How a session gets from the database to a handler and back: the only code that knows actix-session and actix-identity.
//!
//! These crates carry a map of JSON texts, which would have to be written and parsed at each request. So the map has one
//! entry, the one that actix-identity needs: the person's id, under [`ID_KEY`]. The session itself, one typed value, is in
//! a [`Slot`] that [`session_scope`] opens for each request. The store fills it, and other code gets a [`Carried`].
//!
//! The cookie holds two signatures, since actix-session signs with one key alone, which can't be rotated. Its key is
//! [`PUBLIC_KEY`], so its signature proves nothing. Ours proves that we made the cookie; it is a part of the value:
//!
//! ```text
//! actix-session's signature (44 characters) | our signature (43) | the session's secret (43)
//! ```

mod error;
mod slot;

use std::collections::HashMap;
use std::sync::Arc;

use actix_identity::{Identity, IdentityMiddleware};
use actix_session::config::{BrowserSession, CookieContentSecurity};
use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_session::{SessionExt, SessionMiddleware, SessionStatus};
use actix_web::body::MessageBody;
use actix_web::cookie::{Key, SameSite, time as cookie_time};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorServiceUnavailable;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use secrecy::{ExposeSecret, SecretString};

pub use error::CarrierError;

use super::Sessions;
use super::key_ring::{SIGNED_LEN, secret_of};
use super::store::{Loaded, hash};
use slot::{SLOT, Slot, bug, failed, in_slot, loaded};

/// actix-session's signing key. It is public, so a signature with it proves nothing.
const PUBLIC_KEY: [u8; 64] = [0; 64];

/// The key under which actix-identity keeps the person's id in the framework's map. The map has no other.
const ID_KEY: &str = "user_id";

/// Opens the [`Slot`]. The outermost of the session's layers. If the store failed, its error is one line with the cause:
/// that of actix-session says only that storing went wrong, and its `Debug` can be a backtrace.
pub async fn session_scope(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let request = async {
        let response = next.call(request).await;
        response.map_err(|error| match in_slot(|slot| slot.failure.get().cloned()) {
            Ok(Some(cause)) => ErrorServiceUnavailable(cause),
            _ => error,
        })
    };
    SLOT.scope(Slot::default(), request).await
}

/// Loads the session before the handlers and stores it after them.
pub fn session_middleware(
    sessions: &Arc<Sessions>,
) -> SessionMiddleware<impl SessionStore + use<>> {
    SessionMiddleware::builder(Store(sessions.clone()), Key::from(&PUBLIC_KEY))
        .cookie_name(sessions.names.session())
        .cookie_secure(sessions.public_url.is_https())
        .cookie_http_only(true)
        .cookie_path(sessions.public_url.cookie_path().to_owned())
        // Lax, or a person who follows a link to this application would seem signed out.
        .cookie_same_site(SameSite::Lax)
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(BrowserSession::default())
        .build()
}

/// Re-seals a session that was sealed or signed with the previous `SESSION_KEY`. This layer is between actix-session's,
/// which writes and signs what has changed, and the handlers. It skips responses that shared caches may keep: a cache
/// would pass the cookie to other people.
pub async fn reseal(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let response = next.call(request).await?;
    let user_id = in_slot(|slot| {
        let loaded = slot.loaded.get()?;
        loaded
            .needs_reseal()
            .then(|| loaded.session.user.id.clone())
    });
    let session = response.request().get_session();
    let cache_control = response.headers().get(CACHE_CONTROL);
    let is_public = cache_control.is_some_and(|value| value.as_bytes().starts_with(b"public"));
    if let Ok(Some(user_id)) = user_id
        && !is_public
        && session.status() == SessionStatus::Unchanged
    {
        // Any insertion makes actix-session treat the session as changed.
        session.insert(ID_KEY, user_id)?;
    }
    Ok(response)
}

/// Identifies the person. Its deadlines stay off: they would write at each request, and the store enforces them.
pub fn identity_middleware() -> IdentityMiddleware {
    IdentityMiddleware::builder().id_key(ID_KEY).build()
}

/// The session that a request came with.
pub struct Carried {
    /// What was loaded.
    pub loaded: Loaded,
    identity: Identity,
}

impl Carried {
    /// `None` if no person is signed in.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let loaded = loaded()?;
        let identity = Identity::extract(request).into_inner().ok()?;
        Some(Carried { loaded, identity })
    }

    /// Removes the browser's cookie.
    pub fn log_out(self) {
        self.identity.logout();
    }
}

/// Gives the browser the session that was just started with `secret`.
pub fn log_in(
    request: &HttpRequest,
    user_id: String,
    secret: SecretString,
) -> Result<(), CarrierError> {
    in_slot(|slot| slot.started.set(secret).map_err(|_| CarrierError::Twice))??;
    let logged_in = Identity::login(&request.extensions(), user_id);
    logged_in.map(drop).map_err(|_| CarrierError::Identity)
}

/// What [`super::key_ring::KeyRing::sign`] made, in the value of a session's cookie.
pub fn signed_part(cookie_value: &str) -> Option<&str> {
    cookie_value.get(cookie_value.len().checked_sub(SIGNED_LEN)?..)
}

/// What actix-session calls.
struct Store(Arc<Sessions>);

impl Store {
    /// What actix-session signs.
    fn signed(&self, secret: &str) -> SessionKey {
        let signed = self.0.keys.sign(secret);
        SessionKey::try_from(signed).expect("86 characters are below 4064")
    }
}

type Map = HashMap<String, String>;

impl SessionStore for Store {
    async fn load(&self, key: &SessionKey) -> Result<Option<Map>, LoadError> {
        let found = self.0.load(key.as_ref()).await;
        let Some(loaded) = found.map_err(|cause| LoadError::Other(failed(cause)))? else {
            return Ok(None);
        };
        let id = serde_json::Value::from(loaded.session.user.id.as_str()).to_string();
        in_slot(|slot| slot.loaded.set(loaded).map_err(|_| CarrierError::Twice))
            .flatten()
            .map_err(|cause| LoadError::Other(bug(cause)))?;
        Ok(Some(Map::from([(ID_KEY.to_owned(), id)])))
    }

    /// Only a sign-in starts a session, and it has already recorded it, with its person.
    async fn save(&self, _: Map, _: &cookie_time::Duration) -> Result<SessionKey, SaveError> {
        let signed = in_slot(|slot| {
            let secret = slot.started.get().ok_or(CarrierError::NobodySignedIn)?;
            Ok(self.signed(secret.expose_secret()))
        });
        signed
            .flatten()
            .map_err(|cause| SaveError::Other(bug(cause)))
    }

    async fn update(
        &self,
        key: SessionKey,
        _: Map,
        _: &cookie_time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let loaded = loaded().ok_or(CarrierError::NoScope);
        let loaded = loaded.map_err(|cause| UpdateError::Other(bug(cause)))?;
        let secret = secret_of(key.as_ref());
        let stored = loaded.stored.as_deref();
        let stored = stored.map(|stored| (stored, loaded.session.round));
        self.0.reseal(hash(secret), stored).await;
        Ok(self.signed(secret))
    }

    /// Not called: idle time is kept by [`Sessions::load`], without a write for each request.
    async fn update_ttl(
        &self,
        _: &SessionKey,
        _: &cookie_time::Duration,
    ) -> Result<(), anyhow::Error> {
        Ok(())
    }

    /// Does nothing: a sign-out, or a sign-in that replaces the session, has already ended it.
    async fn delete(&self, _: &SessionKey) -> Result<(), anyhow::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
