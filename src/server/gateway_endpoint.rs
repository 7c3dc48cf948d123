//! The gateway's listener, where proxies ask. It has no session middleware and none of the public listener's routes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::App;
use actix_web::dev::Server;
use actix_web::rt;
use actix_web::web::Data;
use arc_swap::ArcSwap;

use crate::gateway::kind::Kind;
use crate::http::gateway::{Access, Gateway};
use crate::http::gateway_routes::routes;
use crate::http::handlers::auth::Outcome;
use crate::http::identity_tokens::IdentityTokens;
use crate::http::refresh_tokens::RefreshTokens;
use crate::observe::metrics;
use crate::public_url::PublicUrl;
use crate::server::Doorward;
use crate::server::bind::{Sockets, UnixSocket};
use crate::server::http1::{Http1, Timeouts};
use crate::server::machine;
use crate::server::unix_sockets::{self, SocketFile};
use crate::server::watched_files::{Files, Watched};
use crate::settings::{self, parse_rules};

/// How long a proxy may take to send a request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection of a proxy waits for its next request: longer than proxies keep theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How many connections proxies may have, in all.
const MAX_CONNECTIONS: usize = 1024;

/// Who may pass, and the file that says so.
#[derive(Clone)]
pub struct Rules {
    /// Who may pass.
    pub access: Access,
    file: Option<Files>,
}

impl Rules {
    /// Those of the settings.
    pub fn new(gateway: settings::Gateway, public_url: &PublicUrl) -> Rules {
        let kinds = Kind::ALL.map(Kind::name);
        let outcomes = Outcome::ALL.map(Outcome::name);
        metrics::know_gateway(&kinds, &outcomes);
        metrics::rules_loaded(time::OffsetDateTime::now_utc().unix_timestamp());
        Rules {
            file: Files::of_one(&gateway.rules_file),
            access: Access {
                rules: Arc::new(ArcSwap::from_pointee(gateway.rules)),
                user_name: gateway.user_name,
                tokens: gateway
                    .signs_identity
                    .then(|| IdentityTokens::new(public_url.clone())),
            },
        }
    }

    /// The file, with what its new content does.
    pub fn watched(&self) -> Option<Watched> {
        let rules = self.access.rules.clone();
        let watched = Watched::new("RULES_FILE", self.file.clone()?, move |contents| {
            rules.store(Arc::new(parse_rules(&contents[0])?));
            metrics::rules_loaded(time::OffsetDateTime::now_utc().unix_timestamp());
            Ok(())
        });
        Some(watched)
    }
}

/// What the handlers of one thread need.
pub(super) fn gateway(
    doorward: &Doorward,
    access: Access,
    refresh_tokens: RefreshTokens,
) -> Gateway {
    Gateway {
        access,
        refresh_tokens,
        sessions: doorward.sessions.clone(),
        audit: doorward.audit.clone(),
        public_url: doorward.public_url.clone(),
        trusted_proxies: doorward.trusted_proxies.clone(),
        shutdown: doorward.shutdown.clone(),
    }
}

/// Answers proxies on `sockets`, until the public listener stops.
pub fn serve(doorward: Doorward, access: Access, sockets: Sockets) -> io::Result<Server> {
    let socket_files = sockets.unix.iter().filter_map(SocketFile::of).collect();
    let server = listen(doorward.clone(), access.clone(), sockets)?;
    let shutdown = doorward.shutdown.clone();
    let again = move |socket: UnixSocket| listen(doorward.clone(), access.clone(), socket.into());
    rt::spawn(unix_sockets::keep(socket_files, again, shutdown));
    Ok(server)
}

fn listen(doorward: Doorward, access: Access, sockets: Sockets) -> io::Result<Server> {
    let workers = machine::workers();
    let shutdown = doorward.shutdown.clone();
    let closed = async move { shutdown.closed().await };
    let server = Server::build()
        .workers(workers)
        .shutdown_signal(closed)
        .shutdown_timeout(1);
    let timeouts = Timeouts {
        headers: HEADER_TIMEOUT,
        keep_alive: KEEP_ALIVE,
    };
    let certificate = doorward.certificate.clone();
    let application = move || {
        let worker = doorward.worker();
        let refresh_tokens = worker.refresh_tokens.clone();
        let gateway = gateway(&doorward, access.clone(), refresh_tokens);
        App::new()
            .app_data(Data::new(gateway))
            .app_data(Data::new(worker))
            .configure(routes)
    };
    let mut server = Http1::new(
        server,
        timeouts,
        MAX_CONNECTIONS.div_ceil(workers),
        application,
    );
    for listener in sockets.tcp {
        server = match &certificate {
            Some(certificate) => server.listen_tls(listener, certificate.server_config()),
            None => server.listen(listener),
        }?;
    }
    for listener in sockets.unix {
        server = server.listen_unix(listener.listener)?;
    }
    Ok(server.run())
}
