//! Through which proxy the provider is asked: `HTTPS_PROXY` and `NO_PROXY`, which other programs read too.

use super::source::Source;
use crate::oidc::{Exceptions, Proxy, Upstream};

/// In small letters too, which win. `HTTP_PROXY` has no say: it is for what goes in the clear, and that goes nowhere
/// but to this machine.
pub fn read(source: &mut Source<'_>) -> Proxy {
    let mut upstream = |name| {
        source.optional(name, "http://proxy.example.com:3128", |text| {
            Upstream::parse(&text)
        })
    };
    let upstream = upstream("https_proxy").or_else(|| upstream("HTTPS_PROXY"));
    let mut exceptions = |name| {
        source.optional(name, "10.0.0.0/8,.internal.example.com", |text| {
            Exceptions::parse(&text)
        })
    };
    let exceptions = exceptions("no_proxy").or_else(|| exceptions("NO_PROXY"));
    Proxy::new(upstream, exceptions.unwrap_or_default())
}
