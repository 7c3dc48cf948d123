//! A real nginx, Debian's and a current one, with the configuration of `docs/proxies/nginx.md`.

mod debian {
    crate::gateway::suite::through!(Proxy::Nginx);
}

mod current {
    crate::gateway::suite::through!(Proxy::NginxCurrent);
}
