//! Work that goes on if the browser does not wait for it: after a second click, or when its connection breaks.

use actix_web::rt::{self, task::JoinHandle};

use crate::observe::request_id::RequestContext;

/// Starts `work`. Its log lines and audit events belong to the current request.
pub fn detached<T: 'static>(work: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    match RequestContext::current() {
        Some(context) => rt::spawn(context.scope(work)),
        None => rt::spawn(work),
    }
}
