//! A real Envoy, with the configuration of `docs/proxies/envoy.md`.

crate::gateway::suite::through!(Proxy::Envoy);
