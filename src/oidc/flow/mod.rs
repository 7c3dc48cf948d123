//! The steps of the authorization code flow, in the order in which a sign-in takes them.

pub mod attempt;
pub mod authorization_error;
pub mod authorization_request;
pub mod authorization_response;
pub mod end_session;
pub mod groups;
pub mod id_token;
mod identifiers;
pub mod logout_token;
pub mod profile;
pub mod refresh;
pub mod refusal;
pub mod requirement;
pub mod revocation_request;
pub mod revocation_token;
pub mod token;
pub mod userinfo;
