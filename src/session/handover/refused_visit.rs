//! Why an app did not open, on its way to the page that says so.

use serde::{Deserialize, Serialize};

use crate::observe::request_id::RequestContext;
use crate::session::Sessions;

/// How long a path may be, in bytes, so that the page's URL stays short.
const PATH_LIMIT: usize = 400;

/// A visit that the gateway refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedVisit {
    /// The app's origin.
    #[serde(rename = "o")]
    pub origin: String,
    /// The path; `/` instead of a long one.
    #[serde(rename = "t")]
    pub target: String,
    /// Why, as the log has it.
    #[serde(rename = "w")]
    pub reason: String,
    /// The check's id.
    #[serde(rename = "i")]
    pub reference: String,
}

impl RefusedVisit {
    /// That of `path` at `origin`, for this reason, by the current request.
    pub fn new(origin: String, path: &str, reason: &str) -> RefusedVisit {
        let context = RequestContext::current();
        RefusedVisit {
            origin,
            // A part of a path is another path.
            target: if path.len() <= PATH_LIMIT { path } else { "/" }.to_owned(),
            reason: reason.to_owned(),
            reference: context
                .map(|context| context.id.to_string())
                .unwrap_or_default(),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_whole_or_the_home_page() {
        for (path, target) in [
            ("/a/b", "/a/b".to_owned()),
            (&"/".repeat(400), "/".repeat(400)),
            // No half escape, and no half letter.
            (&format!("/{}%E4%B8%AD", "a".repeat(394)), "/".to_owned()),
            (&format!("/{}%2F", "a".repeat(397)), "/".to_owned()),
        ] {
            let refused = RefusedVisit::new("https://wiki.example".to_owned(), path, "no_rule");
            assert_eq!(refused.target, target, "{path}");
        }
    }
}
