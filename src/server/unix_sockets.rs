//! Binds a Unix socket again whose file was deleted or replaced: without its file nobody reaches it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use actix_web::dev::{Server, ServerHandle};
use actix_web::rt;

use crate::http::shutdown::Shutdown;
use crate::server::bind::{UnixSocket, bind_unix};
use crate::server::machine;
use crate::threads;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Device, inode, and when it was made where the file system knows: an inode may be used again.
type FileId = (u64, u64, Option<SystemTime>);

/// The file of a Unix socket at which the server listens.
pub struct SocketFile {
    path: PathBuf,
    /// Nothing if it was not there at start.
    id: Option<FileId>,
    /// The server that was started for the socket that was bound again. The first server goes on with its other sockets.
    server: Option<ServerHandle>,
    /// Why it could not be bound again, which is logged once.
    failure: Option<String>,
}

impl SocketFile {
    /// That of `socket`; nothing if it has no path.
    pub fn of(socket: &UnixSocket) -> Option<Self> {
        let path = socket.path.clone()?;
        Some(SocketFile {
            id: file_id(&path),
            path,
            server: None,
            failure: None,
        })
    }

    /// Binds it again if its file is gone. `start` starts a server for it.
    fn look(&mut self, start: &impl Fn(UnixSocket) -> io::Result<Server>) {
        let path = self.path.display();
        let found = file_id(&self.path);
        if found.is_some() && found == self.id {
            return;
        }
        // The workers, and a thread that accepts.
        let threads = threads::try_out(machine::workers() + 1);
        let socket = threads.and_then(|()| bind_unix(&self.path));
        match socket.and_then(start) {
            Ok(server) => {
                log::warn!("the socket unix:{path} was deleted or replaced; it is bound again");
                self.id = file_id(&self.path);
                self.failure = None;
                if let Some(previous) = self.server.replace(server.handle()) {
                    // The call sends the command; requests in progress finish.
                    drop(previous.stop(true));
                }
                rt::spawn(server);
            }
            Err(cause) => {
                let failure = Some(cause.to_string());
                if self.failure != failure {
                    log::error!(
                        "the socket unix:{path} was deleted or replaced, and can't be bound again: {cause}"
                    );
                    self.failure = failure;
                }
            }
        }
    }
}

/// Looks at the files every two seconds, until the process is asked to stop: then its successor may bind them.
pub async fn keep(
    mut files: Vec<SocketFile>,
    start: impl Fn(UnixSocket) -> io::Result<Server>,
    shutdown: Shutdown,
) {
    if files.is_empty() {
        return;
    }
    let mut interval = rt::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        if shutdown.is_draining() {
            return;
        }
        files.iter_mut().for_each(|file| file.look(&start));
    }
}

fn file_id(path: &Path) -> Option<FileId> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.created().ok()))
}
