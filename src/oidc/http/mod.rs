//! HTTP with the provider: [`Http::send`](client::Http::send) sends a [`Request`](request::Request) and returns a
//! [`Response`](response::Response). No other module uses awc.

pub mod certificate;
pub mod certificate_fault;
pub mod charset;
pub mod client;
mod connect;
mod connection;
mod exchange;
pub mod names;
pub mod proxy;
pub mod request;
pub mod response;
pub mod response_head;
pub mod trust_roots;
