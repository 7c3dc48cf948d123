//! `/metrics`, at an address of its own, since it is not for the public. `/healthz` and `/readyz` respond there too: no
//! visitor can use up its connections.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Server;
use actix_web::rt::time::timeout;
use actix_web::web::{Data, get};
use actix_web::{App, HttpResponse, HttpServer};
use tokio::sync::Mutex;

use crate::http::handlers::health;
use crate::http::paths::{HEALTHZ, READYZ};
use crate::observe::metrics;
use crate::server::Doorward;
use crate::session::Sessions;

/// Counting a million rows takes time: rows are counted no more often than this.
const COUNT_AFTER: Duration = Duration::from_secs(15);

/// Prometheus itself gives up after ten seconds; without this number it gets the others.
const COUNT_TIMEOUT: Duration = Duration::from_secs(3);

/// How many sessions are live, as counted last.
struct SessionCount {
    sessions: Arc<Sessions>,
    latest: Mutex<Option<(Instant, Option<f64>)>>,
}

impl SessionCount {
    /// How many there are; nothing while the database is away.
    async fn get(&self) -> Option<f64> {
        let mut latest = self.latest.lock().await;
        if let Some((at, count)) = *latest
            && at.elapsed() < COUNT_AFTER
        {
            return count;
        }
        let counted = timeout(COUNT_TIMEOUT, self.sessions.count_live()).await;
        let count = match counted {
            Ok(Ok(count)) => Some(count as f64),
            // `db` has logged that queries fail.
            Ok(Err(cause)) => {
                log::debug!("live sessions could not be counted: {cause}");
                None
            }
            Err(_) => {
                let was_counted = latest.is_none_or(|(_, count)| count.is_some());
                let level = match was_counted {
                    true => log::Level::Warn,
                    false => log::Level::Debug,
                };
                log::log!(level, "counting live sessions took longer than 3 s");
                None
            }
        };
        *latest = Some((Instant::now(), count));
        count
    }
}

/// Answers `GET` of these three on `listener`, and nothing else.
pub fn serve(listener: TcpListener, doorward: Doorward) -> io::Result<Server> {
    let session_count = Data::new(SessionCount {
        sessions: doorward.sessions.clone(),
        latest: Mutex::new(None),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(session_count.clone())
            .app_data(Data::new(doorward.worker()))
            .route("/metrics", get().to(metrics))
            .route(HEALTHZ, get().to(health::healthz))
            .route(READYZ, get().to(health::readyz))
    });
    // The signals are for the server that people talk to.
    let server = server.workers(1).disable_signals().shutdown_timeout(1);
    Ok(server.listen(listener)?.run())
}

async fn metrics(session_count: Data<SessionCount>) -> HttpResponse {
    let sessions = session_count.get().await;
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics::render(sessions))
}
