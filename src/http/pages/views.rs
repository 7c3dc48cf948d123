//! One struct for each page: all that its template can show.

use serde::Serialize;

/// A page: its template, and the values that the template shows.
pub trait Page: Serialize {
    /// The name of the file in `templates/`.
    const TEMPLATE: &'static str;
}

/// The home page: a button that signs in, or one that signs out.
#[derive(Serialize)]
pub struct LoginPage {
    /// Which of the two buttons the page shows.
    pub signed_in: bool,
    /// The person's name, for the greeting.
    pub name: Option<String>,
}

/// What the provider told us about the person.
#[derive(Serialize)]
pub struct ProfilePage {
    /// The person's name, else their email, else a fixed text.
    pub heading: String,
    /// The rows of the table.
    pub claims: Vec<Claim>,
}

/// A row of the profile.
#[derive(Serialize)]
pub struct Claim {
    /// A fixed name, since it becomes an id of the page: `claim-…`.
    pub name: &'static str,
    /// The row's heading.
    pub label: &'static str,
    /// The value, from the provider.
    pub value: String,
}

/// The browsers in which the person is signed in.
#[derive(Serialize)]
pub struct SessionsPage {
    /// What came of the request before.
    pub notice: Option<&'static str>,
    /// The one of this browser first.
    pub sessions: Vec<OwnSession>,
    /// Whether there are more than the page shows.
    pub has_more: bool,
}

/// A row of the sessions.
#[derive(Serialize)]
pub struct OwnSession {
    /// Its id, which opens nothing.
    pub id: String,
    /// Whether it is that of this browser.
    pub is_this: bool,
    /// Browser and system.
    pub browser: String,
    /// The address of the sign-in.
    pub address: String,
    /// When the person signed in.
    pub began: String,
    /// The latest request.
    pub seen: String,
}

/// Asks whether to sign out.
#[derive(Serialize)]
pub struct LogoutPage {}

/// The last step of a sign-in: a button posts the provider's response again, from our own origin.
#[derive(Serialize)]
pub struct ContinuePage {
    /// The address of our callback.
    pub callback_action: String,
    /// The parameters of the response.
    pub fields: Vec<Field>,
}

/// The person is signed out here; a button posts the end-session request to the provider.
#[derive(Serialize)]
pub struct EndSessionPage {
    /// The provider's end-session endpoint.
    pub endpoint: String,
    /// The parameters of the request.
    pub fields: Vec<Field>,
}

/// The person is signed out, says the provider's page by a frame.
#[derive(Serialize)]
pub struct SignedOutPage {}

/// A hidden field of a form.
#[derive(Serialize)]
pub struct Field {
    /// The parameter's name, one of those that we know.
    pub name: &'static str,
    /// The parameter's value.
    pub value: String,
}

/// What went wrong and what to do next.
#[derive(Serialize)]
pub struct ErrorPage {
    /// The HTTP status.
    pub status: u16,
    /// The heading.
    pub title: &'static str,
    /// What happened.
    pub sentence: &'static str,
    /// What to do next.
    pub next: String,
    /// The address that the button leads to.
    pub action_url: String,
    /// The button's label.
    pub action_label: &'static str,
    /// The request's id, by which an administrator finds its log lines.
    pub reference: String,
}

/// Why an app does not open.
#[derive(Serialize)]
pub struct RefusedPage {
    /// The heading.
    pub title: &'static str,
    /// What happened.
    pub sentence: &'static str,
    /// What to do next.
    pub next: &'static str,
    /// The app's origin.
    pub app: String,
    /// The address to try again; nothing if no rule knows its host, which may be anybody's.
    pub app_url: Option<String>,
    /// Who is signed in.
    pub signed_in_as: Option<String>,
    /// The id of the check, by which an administrator finds its log line.
    pub reference: String,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "login.html";
}
impl Page for ProfilePage {
    const TEMPLATE: &'static str = "profile.html";
}
impl Page for SessionsPage {
    const TEMPLATE: &'static str = "sessions.html";
}
impl Page for LogoutPage {
    const TEMPLATE: &'static str = "logout.html";
}
impl Page for ContinuePage {
    const TEMPLATE: &'static str = "continue.html";
}
impl Page for EndSessionPage {
    const TEMPLATE: &'static str = "end_session.html";
}
impl Page for SignedOutPage {
    const TEMPLATE: &'static str = "signed_out.html";
}
impl Page for RefusedPage {
    const TEMPLATE: &'static str = "refused.html";
}
impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}
