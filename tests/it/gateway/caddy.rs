//! A real Caddy, Debian's and a current one, with the configuration of `docs/proxies/caddy.md`.

mod debian {
    crate::gateway::suite::through!(Proxy::Caddy);
}

mod current {
    crate::gateway::suite::through!(Proxy::CaddyCurrent);
}
