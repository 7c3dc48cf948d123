//! The one integration test binary: a module for each journey and each kind of refusal.

mod support;

mod journey;
mod docs;
mod in_a_browser;
