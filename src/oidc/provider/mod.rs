//! What Doorward knows of the provider.

pub mod cache;
pub mod keys;
pub mod metadata;
