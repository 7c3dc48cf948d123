//! The one integration test binary: a module for each journey and each kind of refusal.

mod support;

mod admin;
mod advisories;
mod audit;
mod behind_proxies;
mod below_a_path;
mod callback;
mod check;
mod conformance_doc;
mod deploy;
mod docs;
mod faults;
mod graceful;
mod id_token;
mod in_a_browser;
mod interop;
mod journey;
mod limits;
mod listening;
mod metrics;
mod no_dead_ends;
mod postgres_tls;
mod process;
mod protocol;
mod provider_answers;
mod rate_limit;
mod replicas;
mod requests;
mod rotation;
mod round_trips;
mod secrets;
mod security_headers;
mod seeing;
mod sign_out;
mod tls;
