//! A real HAProxy, Debian's and a current one, with the configuration of `docs/proxies/haproxy.md`.

mod debian {
    crate::gateway::suite::through!(Proxy::Haproxy);
}

mod current {
    crate::gateway::suite::through!(Proxy::HaproxyCurrent);
}
