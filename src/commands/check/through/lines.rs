//! Which line of a proxy's configuration is missing, for each thing that can go wrong. `docs/proxies/` has them all.

use super::front::Answer;

/// The proxy, as far as its responses name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
    /// Envoy.
    Envoy,
    /// Any other: HAProxy, Traefik and older Caddys do not say their names.
    Unknown,
}

impl Proxy {
    /// By the headers `Server` and `Via`.
    pub fn of(answer: &Answer) -> Proxy {
        let said = |name: &str| answer.header(name).to_ascii_lowercase();
        let (server, via) = (said("server"), said("via"));
        match () {
            () if server.starts_with("nginx") => Proxy::Nginx,
            () if server.starts_with("caddy") || via.contains("caddy") => Proxy::Caddy,
            () if server.contains("envoy") => Proxy::Envoy,
            () => Proxy::Unknown,
        }
    }

    /// The line to add; for a proxy that does not say its name, those of all that don't.
    pub fn fix(self, line: &Line) -> String {
        let all = match self {
            Proxy::Nginx => vec![("nginx", line.nginx)],
            Proxy::Caddy => vec![("Caddy", line.caddy)],
            Proxy::Envoy => vec![("Envoy", line.envoy)],
            Proxy::Unknown => vec![
                ("HAProxy", line.haproxy),
                ("Traefik", line.traefik),
                ("Caddy", line.caddy),
            ],
        };
        let fitting = all.iter().filter(|(_, text)| !text.is_empty());
        let fitting: Vec<String> = fitting
            .map(|(name, text)| format!("{name}: {text}"))
            .collect();
        match fitting.is_empty() {
            true => "compare the proxy's configuration with the one in docs/proxies".to_owned(),
            false => fitting.join("; "),
        }
    }
}

/// A line for each proxy; empty where the proxy does it by itself.
pub struct Line {
    nginx: &'static str,
    caddy: &'static str,
    haproxy: &'static str,
    traefik: &'static str,
    envoy: &'static str,
}

/// The script that asks Doorward, and tells the client what it says.
const HAPROXY_SCRIPT: &str = "deploy/haproxy/doorward.lua as it is";

/// What removes the client's own identity headers, however they are spelled.
const HAPROXY_IDENTITY: &str = "`http-request del-header ^remote[^a-z0-9](user|name|email|groups)$ -m reg` and `del-header \
                                ^x[^a-z0-9]auth[^a-z0-9]request[^a-z0-9] -m reg` and `del-header ^x[^a-z0-9]doorward[^a-z0-9]jwt$ \
                                -m reg` before `lua.doorward`";

/// Who may say where a request came from.
const NO_STRANGERS_TRAEFIK: &str = "no strangers in `forwardedHeaders.trustedIPs`";

/// Doorward is not asked.
pub const ASK: Line = Line {
    nginx: "`auth_request /_doorward;` in each location of the app",
    caddy: "`forward_auth` before `reverse_proxy`, both in one `route`",
    haproxy: "`http-request lua.doorward http://127.0.0.1:9091/auth/forward if !doorward`",
    traefik: "the middleware with `forwardAuth` on each router of the app",
    envoy: "the filter `ext_authz` before the router, and no route that disables it",
};

/// The redirect is lost.
pub const REDIRECT: Line = Line {
    nginx: "`error_page 401 = @doorward_401;`, and there `if ($doorward_location) { return 303 $doorward_location; }`",
    caddy: "",
    haproxy: HAPROXY_SCRIPT,
    traefik: "",
    envoy: "`location` in `allowed_client_headers`",
};

/// The cookie is lost.
pub const COOKIE: Line = Line {
    nginx: "`auth_request_set $doorward_cookie $upstream_http_set_cookie;`, and in `@doorward_401` `add_header Set-Cookie \
            $doorward_cookie always;`",
    caddy: "no `header -Set-Cookie`",
    haproxy: HAPROXY_SCRIPT,
    traefik: "",
    envoy: "`set-cookie` in `allowed_client_headers`",
};

/// The response may be kept by caches.
pub const NO_STORE: Line = Line {
    nginx: "`add_header Cache-Control no-store always;` in `@doorward_401` and `@doorward_403`",
    caddy: "no `header Cache-Control`",
    haproxy: HAPROXY_SCRIPT,
    traefik: "no `customResponseHeaders` for Cache-Control",
    envoy: "`cache-control` in `allowed_client_headers`",
};

/// The challenge is lost.
pub const CHALLENGE: Line = Line {
    nginx: "`auth_request_set $doorward_challenge $upstream_http_www_authenticate;`, and in `@doorward_401` `add_header \
            WWW-Authenticate $doorward_challenge always;`",
    caddy: "",
    haproxy: HAPROXY_SCRIPT,
    traefik: "",
    envoy: "`www-authenticate` in `allowed_client_headers`",
};

/// Doorward is told of another scheme, host or path than the app is asked for.
pub const ADDRESS: Line = Line {
    nginx: "`proxy_set_header X-Original-URL $scheme://$host$request_uri;` in `location = /_doorward`, with `$host` and never \
            `$http_host`, and with the port by hand if it is not the default one; and `X-Original-Method $request_method`",
    caddy: "no `handle_path`, `rewrite` or `header_up X-Forwarded-…` around `forward_auth`, and no strangers in `trusted_proxies`",
    haproxy: "`http-request set-header X-Forwarded-Host %[req.hdr(host)]` and `set-header X-Forwarded-Proto https`",
    traefik: "`forwardAuth` before `stripPrefix`, `trustForwardHeader: false`, no strangers in `forwardedHeaders.trustedIPs`",
    envoy: "`path_prefix: /auth/ext-authz`, and `use_remote_address: true`",
};

/// The client chooses its address.
pub const CLIENT: Line = Line {
    nginx: "`proxy_set_header X-Forwarded-For $remote_addr;` in `location = /_doorward` and for the app",
    caddy: "no strangers in `trusted_proxies`",
    haproxy: "`http-request set-header X-Forwarded-For %[src]`",
    traefik: NO_STRANGERS_TRAEFIK,
    envoy: "`use_remote_address: true`",
};

/// The body, or its length, is sent to Doorward.
pub const BODY: Line = Line {
    nginx: "`proxy_pass_request_body off;` and `proxy_set_header Content-Length \"\";` in `location = /_doorward`",
    caddy: "`forward_auth` instead of a `reverse_proxy` to Doorward",
    haproxy: HAPROXY_SCRIPT,
    traefik: "`forwardBody: false`",
    envoy: "no `with_request_body`",
};

/// A long response of Doorward does not fit.
pub const BUFFERS: Line = Line {
    nginx: "`proxy_buffer_size 16k;` and `proxy_buffers 4 16k;` in `location = /_doorward`",
    caddy: "",
    haproxy: "`tune.bufsize 65536` and `tune.maxrewrite 16384`",
    traefik: "",
    envoy: "`max_response_headers_kb` of the cluster",
};

/// Long requests end in an error.
pub const LONG_REQUESTS: Line = Line {
    nginx: "no `large_client_header_buffers` above 16k",
    caddy: "",
    haproxy: "`tune.bufsize 65536`",
    traefik: "",
    envoy: "no `max_request_headers_kb` above 16",
};

/// Two `Host` lines.
pub const TWO_HOSTS: Line = Line {
    nginx: "version 1.22 or later",
    caddy: "",
    haproxy: "`http-request deny deny_status 400 if { req.hdr_cnt(host) gt 1 }`",
    traefik: "",
    envoy: "",
};

/// The client's own identity headers reach the app. For nginx see [`nginx_identity`].
pub const IDENTITY: Line = Line {
    nginx: "",
    caddy: "`import remove_identity` (docs/proxies/caddy.md), first in the `route`, and `copy_headers` with all of them",
    haproxy: HAPROXY_IDENTITY,
    traefik: "`authResponseHeadersRegex: ^(Remote-(User|Name|Email|Groups)|X-Auth-Request-.*|X-Doorward-Jwt)$`",
    envoy: "all of them in `allowed_upstream_headers`",
};

/// The client's own headers reach the app in other spellings.
pub const ALIASES: Line = Line {
    nginx: "`underscores_in_headers off;` and `ignore_invalid_headers on;`, which are the defaults",
    caddy: "`import remove_identity` (docs/proxies/caddy.md), first in the `route`",
    haproxy: HAPROXY_IDENTITY,
    traefik: "`aliasHeadersStrategy: delete` at each entry point, a static setting",
    envoy: "`early_header_mutation_extensions` with `remove_on_match`, as docs/proxies/envoy.md has it",
};

/// The app learns another host, scheme or address.
pub const FOR_APP: Line = Line {
    nginx: "`proxy_set_header Host $host;`, and the same for `X-Forwarded-Host $host`, `X-Forwarded-Proto $scheme` and \
            `X-Forwarded-For $remote_addr`, beside `proxy_pass http://app;`",
    caddy: "no `header_up Host` or `header_up X-Forwarded-…`, and no strangers in `trusted_proxies`",
    haproxy: "`http-request set-header X-Forwarded-Host %[req.hdr(host)]`, `X-Forwarded-Proto https` and `X-Forwarded-For %[src]`",
    traefik: NO_STRANGERS_TRAEFIK,
    envoy: "`use_remote_address: true`, and `X-Forwarded-Host` in `request_headers_to_add`",
};

/// An upgrade to something else than a WebSocket reaches the app.
pub const UPGRADE: Line = Line {
    nginx: "`map $http_upgrade $websocket { default ''; ~*^websocket$ websocket; }` and `proxy_set_header Upgrade $websocket;`",
    caddy: "`import only_websockets` (docs/proxies/caddy.md) in the `route`",
    haproxy: "`http-request set-header Upgrade websocket if { req.hdr(upgrade) -i websocket }` and `http-request del-header Upgrade \
              unless { req.hdr(upgrade) -i websocket }`",
    traefik: "version 3.7.12 or later",
    envoy: "no `upgrade_type` but `websocket`",
};

/// What nginx lacks for an identity header: a variable that is empty removes the client's own.
pub fn nginx_identity(name: &str) -> String {
    let variable = name.replace('-', "_");
    format!(
        "nginx: `auth_request_set $doorward_{variable} $upstream_http_{variable};` and `proxy_set_header {name} \
         $doorward_{variable};` beside `auth_request`"
    )
}
