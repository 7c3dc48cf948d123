//! Signed tokens (JOSE): bytes in, claims out.

pub mod json;
pub mod jws;
pub mod key_set;
pub mod numeric_date;
