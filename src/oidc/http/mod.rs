//! HTTP with the provider: a [`Request`](request::Request) goes out by [`Http::send`](client::Http::send), and a
//! [`Response`](response::Response) comes back. Nobody else uses awc.

pub mod certificate;
pub mod certificate_fault;
pub mod charset;
pub mod client;
mod connect;
mod connection;
mod exchange;
pub mod proxy;
pub mod request;
pub mod response;
pub mod response_head;
pub mod trust_roots;
