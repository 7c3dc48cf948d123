//! Who asks: what rules and headers need of a signed-in person.

use time::OffsetDateTime;

/// A signed-in person, as their session and their row have them.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// Our id.
    pub user_id: &'a str,
    /// `sub`.
    pub subject: &'a str,
    /// `name`.
    pub name: Option<&'a str>,
    /// `email`, whether verified or not.
    pub email: Option<&'a str>,
    /// `email_verified` is true.
    pub email_verified: bool,
    /// `preferred_username`.
    pub preferred_username: Option<&'a str>,
    /// The groups of the latest sign-in.
    pub groups: &'a [String],
    /// `acr` of this session's ID token.
    pub acr: Option<&'a str>,
    /// `auth_time` of this session's ID token.
    pub auth_time: Option<OffsetDateTime>,
}

impl<'a> Visitor<'a> {
    /// The email, if the provider says that it is this person's.
    pub fn verified_email(&self) -> Option<&'a str> {
        self.email.filter(|_| self.email_verified)
    }
}
