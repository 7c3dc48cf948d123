//! What the store and the handlers of one request have in common.

use std::cell::OnceCell;
use std::fmt::Display;

use secrecy::SecretString;

use super::error::CarrierError;
use crate::session::store::Loaded;

tokio::task_local! {
    pub(super) static SLOT: Slot;
}

/// The session of the request that is being handled.
#[derive(Default)]
pub(super) struct Slot {
    /// The session that the request came with.
    pub(super) loaded: OnceCell<Loaded>,
    /// The secret of the one that this request's sign-in started. It is in the database already.
    pub(super) started: OnceCell<SecretString>,
    /// Why the store could not load or store a session.
    pub(super) failure: OnceCell<String>,
}

/// Acts on this request's slot.
pub(super) fn in_slot<T>(act: impl FnOnce(&Slot) -> T) -> Result<T, CarrierError> {
    SLOT.try_with(act).map_err(|_| CarrierError::NoScope)
}

/// Keeps `cause` for [`super::session_scope`].
pub(super) fn failed(cause: impl Display + Into<anyhow::Error>) -> anyhow::Error {
    let _ = in_slot(|slot| slot.failure.set(cause.to_string()));
    cause.into()
}

/// The same for an error that can't happen. The log has those of the database already, and no others.
pub(super) fn bug(cause: CarrierError) -> anyhow::Error {
    log::error!("{cause}; report this log line as a bug");
    failed(cause)
}

pub(super) fn loaded() -> Option<Loaded> {
    in_slot(|slot| slot.loaded.get().cloned()).ok().flatten()
}
