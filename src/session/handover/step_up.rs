//! Handovers for a stronger sign-in.

use serde::{Deserialize, Serialize};

use super::HandoverRequest;
use crate::session::Sessions;

/// Whether a handover is for a stronger sign-in. It goes through the provider once at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepUp {
    /// No: somebody has to sign in.
    #[default]
    #[serde(rename = "0")]
    No,
    /// The app's session was not enough.
    #[serde(rename = "n")]
    Needed,
    /// The provider has been asked.
    #[serde(rename = "d")]
    Done,
}

impl StepUp {
    pub(super) fn is_no(&self) -> bool {
        *self == StepUp::No
    }
}

/// Why a handover starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nobody is signed in at the app.
    SignIn,
    /// Another handover has failed.
    Retry,
    /// The app's session is not enough.
    StepUp,
}

impl Sessions {
    /// The same request, sealed, for the way back from a stronger sign-in.
    pub fn after_step_up(&self, wanted: &HandoverRequest) -> String {
        let stepped_up = HandoverRequest {
            step_up: StepUp::Done,
            ..wanted.clone()
        };
        self.seal_handover("request", &stepped_up)
    }
}
