//! The one integration test binary: a module for each journey and each kind of refusal.

mod support;

mod admin;
mod advisories;
mod audit;
mod callback;
mod check;
mod conformance_doc;
mod docs;
mod faults;
mod id_token;
mod in_a_browser;
mod interop;
mod journey;
mod metrics;
mod no_dead_ends;
mod process;
mod protocol;
mod provider_answers;
mod requests;
mod secrets;
mod seeing;
mod tls;
