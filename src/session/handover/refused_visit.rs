//! Why an app did not open, on its way to the page that says so.

use serde::{Deserialize, Serialize};

use crate::session::Sessions;

/// A visit that the gateway refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedVisit {
    /// The app's origin.
    #[serde(rename = "o")]
    pub origin: String,
    /// The path.
    #[serde(rename = "t")]
    pub target: String,
    /// Why, as the log has it.
    #[serde(rename = "w")]
    pub reason: String,
    /// The check's id.
    #[serde(rename = "i")]
    pub reference: String,
}

impl Sessions {
    /// Seals why a visit was refused, for the URL of its page.
    pub fn seal_refused_visit(&self, refused: &RefusedVisit) -> String {
        self.seal_handover("refused", refused)
    }

    /// Opens what [`Sessions::seal_refused_visit`] sealed.
    pub fn open_refused_visit(&self, sealed: &str) -> Option<RefusedVisit> {
        self.open_handover("refused", sealed)
    }
}
