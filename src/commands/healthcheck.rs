//! `doorward healthcheck`: for a container's health check, which then needs no curl.

use super::explain;
use crate::server::healthcheck;
use crate::settings::Settings;

/// Asks the Doorward at `LISTEN_ADDR` whether it is healthy.
pub fn run() -> Result<(), String> {
    let settings = Settings::listen_addr_from_env();
    let (addr, scheme) = settings.map_err(|complaints| explain(&complaints))?;
    healthcheck::check(&addr, scheme)
}
