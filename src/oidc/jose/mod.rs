//! Signed tokens (JOSE): bytes in, claims out. Keys, algorithms and the expected `typ` come as arguments. This module
//! does no I/O and does not know what a token is for.

pub mod algorithm;
pub mod audience;
pub mod json;
mod jwk;
pub mod jws;
pub mod key_set;
pub mod numeric_date;
#[cfg(any(test, fuzzing, feature = "internals"))]
pub mod signer;
pub mod typ;
