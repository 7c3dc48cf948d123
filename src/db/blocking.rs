//! Runs queries on threads that may block, and looks after those that never return.

use std::time::{Duration, Instant};

use tokio::sync::oneshot::Receiver;

use super::connections::Connections;
use super::deadline::{Deadline, Patience};
use super::error::Error;
use super::trouble::Trouble;
use crate::observe::metrics;
use crate::observe::request_id::RequestContext;

/// A connection that has not responded for this long is given up, and with it all that are idle: what has happened to one,
/// such as a firewall that forgot it, has probably happened to the others.
const GIVE_UP_AFTER: Duration = Patience::ORDINARY.response;

/// Runs `work` on a thread that may block, when it is its turn. Its deadline counts from now.
pub(super) async fn on_blocking_thread<T: Send + 'static>(
    patience: Patience,
    connections: &Connections,
    work: impl FnOnce(Deadline) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let context = RequestContext::current();
    let deadline = patience.deadline();
    let done = async {
        let turn = connections.turn(deadline).await?;
        let work = move || {
            // A query whose caller has stopped waiting still has its connection.
            let _turn = turn;
            RequestContext::scope_sync(context, || work(deadline))
        };
        Asked::new(connections, work)?.result().await
    };
    let done = tokio::time::timeout(patience.response, done).await;
    done.unwrap_or(Err(Error::NoResponse(patience.response)))
}

/// Counts a query in the metrics, and among those that fail.
pub(super) async fn counted<T>(
    trouble: &Trouble,
    query: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let began = Instant::now();
    let waiting = trouble.waiting();
    let result = query.await;
    match &result {
        Ok(_) => trouble.succeeded(),
        Err(cause) => trouble.failed(cause, began.elapsed()),
    }
    drop(waiting);
    metrics::database_query(began.elapsed(), result.is_ok());
    result
}

/// A query that runs. Its caller may stop waiting: then somebody else must notice that it does not return.
struct Asked<'a, T: Send + 'static> {
    connections: &'a Connections,
    since: Instant,
    thread: Option<Receiver<Result<T, Error>>>,
}

impl<'a, T: Send + 'static> Asked<'a, T> {
    fn new(
        connections: &'a Connections,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let threads = connections.threads().map_err(Error::unavailable)?;
        Ok(Asked {
            connections,
            since: Instant::now(),
            thread: Some(threads.spawn(work)),
        })
    }

    async fn result(mut self) -> Result<T, Error> {
        let thread = self.thread.as_mut().expect("only `drop` takes it");
        let done = thread.await;
        self.thread = None;
        done.unwrap_or_else(|_| Err(Error::unavailable("the query panicked")))
    }
}

impl<T: Send + 'static> Drop for Asked<'_, T> {
    fn drop(&mut self) {
        let (Some(mut thread), Ok(runtime)) =
            (self.thread.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let (connections, since) = (self.connections.clone(), self.since);
        runtime.spawn(async move {
            let give_up_at = (since + GIVE_UP_AFTER).into();
            if tokio::time::timeout_at(give_up_at, &mut thread)
                .await
                .is_err()
            {
                let _hung = connections.give_up(since);
                let _ = thread.await;
            }
        });
    }
}
