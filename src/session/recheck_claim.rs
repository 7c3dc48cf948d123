//! The right to ask the provider about a session, and what became of the session.

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::stored::Stored;

/// The right to ask the provider about a session.
pub struct RecheckClaim {
    pub(super) key_hash: String,
    pub(super) round: i32,
    /// The person.
    pub(super) user_id: String,
    /// When it was claimed, in UTC.
    pub(super) claimed_at: OffsetDateTime,
    /// The person's sessions that had begun shortly before, by their ids.
    pub(super) recent: Vec<String>,
    pub(super) stored: Stored,
    /// When the session ends at the provider, if it said so.
    pub(super) ends_at: Option<OffsetDateTime>,
    /// When the provider's word became too old; or when it first did not answer, if that was later.
    pub(super) overdue_since: OffsetDateTime,
}

impl RecheckClaim {
    /// What to ask with.
    pub fn refresh_token(&self) -> Option<&SecretString> {
        self.stored.refresh_token.as_ref()
    }

    /// The ID token of the sign-in.
    pub fn id_token(&self) -> &str {
        let kept = self.stored.id_token_hint.as_ref();
        kept.map(ExposeSecret::expose_secret).unwrap_or_default()
    }

    /// When the latest ID token was issued, in UTC, if it was not that one.
    pub fn issued_at(&self) -> Option<OffsetDateTime> {
        self.stored.issued_at
    }
}

/// What became of a session after the provider was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It goes on.
    Yes,
    /// It has ended by this.
    Ended,
    /// It had ended before.
    Gone,
    /// It goes on otherwise: with another key, in a later round, or as a new session of the same person.
    Replaced,
}
