//! What the provider says of a sign-in, and what of it the session keeps.

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::stored::Stored;

/// A longer token is not kept, in bytes. A sign-out then has no hint, and the provider is asked again through the browser.
const TOKEN_LIMIT: usize = 16 * 1024;

/// How the provider authenticated a person.
pub struct Authentication {
    /// The ID token that says so.
    pub id_token: SecretString,
    /// How strongly, in the provider's words.
    pub acr: Option<String>,
    /// When, in UTC.
    pub auth_time: Option<OffsetDateTime>,
    /// The session at the provider, if it names it.
    pub sid: Option<String>,
    /// When that session ends, in UTC, if the provider says so.
    pub session_expiry: Option<OffsetDateTime>,
    /// For asking again, if there is one.
    pub refresh_token: Option<SecretString>,
}

impl Authentication {
    /// What the session's row keeps. `is_rechecked`: whether the provider is asked again.
    pub(super) fn into_stored(self, is_rechecked: bool) -> Stored {
        let fits = |token: &SecretString| token.expose_secret().len() <= TOKEN_LIMIT;
        let id_token_hint = Some(self.id_token).filter(fits);
        // Kept only where it has a use, and with what its answers are compared with.
        let is_kept = is_rechecked && id_token_hint.is_some();
        let refresh_token = self.refresh_token.filter(fits);
        Stored {
            id_token_hint,
            acr: self.acr,
            auth_time: self.auth_time,
            refresh_token: refresh_token.filter(|_| is_kept),
            issued_at: None,
        }
    }
}
