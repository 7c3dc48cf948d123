//! The steps of the authorization code flow, in the order in which a sign-in takes them.

pub mod attempt;
pub mod end_session;
pub mod id_token;
pub mod profile;
pub mod refusal;
pub mod token;
pub mod userinfo;
