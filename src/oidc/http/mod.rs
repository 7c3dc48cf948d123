//! HTTP with the provider: the one user of awc.

pub mod certificate;
pub mod charset;
pub mod client;
mod connect;
mod connection;
pub mod proxy;
pub mod response;
mod response_head;
pub mod timing;
pub mod trust_roots;
