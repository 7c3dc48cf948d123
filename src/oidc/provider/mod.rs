//! What is known of the provider.

pub mod cache;
pub mod metadata;
