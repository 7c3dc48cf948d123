//! A real Traefik, with the configuration of `docs/proxies/traefik.md`.

crate::gateway::suite::through!(Proxy::Traefik);
