//! How the demo provider misbehaves in a test: short forms of what `app.provider.faults(…)` takes.

use serde_json::Value;

use super::TestApp;
use super::provider::{Canned, Endpoint, Signing};

/// The endpoint answers with that and nothing else, until `provider.heal()`.
pub fn answer_with(app: &TestApp, endpoint: Endpoint, canned: Canned) {
    app.provider
        .faults(|faults| drop(faults.canned.insert(endpoint, canned)));
}

/// Changes the discovery document.
pub fn edit_discovery(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_discovery = Some(Box::new(edit)));
}

/// Changes the published key set.
pub fn edit_keys(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_keys = Some(Box::new(edit)));
}

/// Changes the claims of ID tokens before they are signed.
pub fn edit_claims(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_claims = Some(Box::new(edit)));
}

/// Changes the header of ID tokens before they are signed.
pub fn edit_header(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_header = Some(Box::new(edit)));
}

/// Changes ID tokens after they were signed.
pub fn edit_token(app: &TestApp, edit: impl Fn(String) -> String + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_id_token = Some(Box::new(edit)));
}

/// Signs ID tokens in another way.
pub fn sign_with(app: &TestApp, signing: Signing) {
    app.provider.faults(|faults| faults.signing = signing);
}

/// Changes the token response.
pub fn edit_tokens(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_token_response = Some(Box::new(edit)));
}

/// Changes the userinfo response.
pub fn edit_userinfo(app: &TestApp, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    app.provider
        .faults(|faults| faults.edit_userinfo = Some(Box::new(edit)));
}
