//! The one integration test binary: a module for each journey and each kind of refusal.

mod support;

mod advisories;
mod behind_proxies;
mod below_a_path;
mod callback;
mod conformance_doc;
mod docs;
mod faults;
mod graceful;
mod id_token;
mod in_a_browser;
mod interop;
mod journey;
mod limits;
mod listening;
mod no_dead_ends;
mod process;
mod protocol;
mod provider_answers;
mod rate_limit;
mod requests;
mod rotation;
mod tls;
