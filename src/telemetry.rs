//! Logging.

/// What is logged unless `RUST_LOG` says otherwise: ours, and what others warn of.
const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// Starts logging to standard error.
pub fn start() {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(DEFAULT_FILTER))
        .init();
}
