//! Binds the sockets: a TCP address, a Unix socket, or those that systemd passes.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;

use crate::settings::ListenAddr;

/// Who may connect to a Unix socket: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// Sockets that are bound; the kernel queues connections until the server accepts them.
#[derive(Default)]
pub struct Sockets {
    /// Over TCP; TLS goes over these alone.
    pub tcp: Vec<TcpListener>,
    /// Unix sockets.
    pub unix: Vec<UnixSocket>,
}

/// A Unix socket that is bound.
pub struct UnixSocket {
    /// The socket.
    pub listener: UnixListener,
    /// Where clients find it; nothing if it has only a name.
    pub path: Option<PathBuf>,
}

impl From<TcpListener> for Sockets {
    fn from(listener: TcpListener) -> Self {
        Sockets {
            tcp: vec![listener],
            unix: Vec::new(),
        }
    }
}

impl From<UnixSocket> for Sockets {
    fn from(socket: UnixSocket) -> Self {
        Sockets {
            tcp: Vec::new(),
            unix: vec![socket],
        }
    }
}

impl UnixSocket {
    fn passed(listener: UnixListener) -> Self {
        let addr = listener.local_addr().ok();
        let path = addr.and_then(|addr| addr.as_pathname().map(Path::to_owned));
        UnixSocket { listener, path }
    }
}

impl Sockets {
    /// These, or `addr` if there are none.
    pub fn or_open(self, addr: &ListenAddr) -> io::Result<Sockets> {
        if !self.tcp.is_empty() || !self.unix.is_empty() {
            return Ok(self);
        }
        match addr {
            ListenAddr::Tcp(addr) => Ok(TcpListener::bind(addr)?.into()),
            ListenAddr::Unix(path) => Ok(bind_unix(path)?.into()),
        }
    }

    /// The sockets that systemd passes (`sd_listen_fds(3)`). Call it once and before there are threads: it removes the
    /// variables from the environment.
    pub fn from_systemd() -> io::Result<Sockets> {
        let mut given = ListenFd::from_env();
        let mut sockets = Sockets::default();
        for index in 0..given.len() {
            match given.take_tcp_listener(index) {
                Ok(tcp) => sockets.tcp.extend(tcp),
                Err(_) => {
                    let listener = given.take_unix_listener(index)?;
                    sockets.unix.extend(listener.map(UnixSocket::passed));
                }
            }
        }
        Ok(sockets)
    }

    /// Where they are, for the log.
    pub fn names(&self) -> String {
        let tcp = self.tcp.iter().map(|socket| {
            let addr = socket.local_addr();
            addr.map_or("?".to_owned(), |addr| addr.to_string())
        });
        let unix = self.unix.iter().map(|socket| {
            let path = socket.path.as_ref();
            path.map_or("?".to_owned(), |path| format!("unix:{}", path.display()))
        });
        tcp.chain(unix).collect::<Vec<_>>().join(" and ")
    }
}

/// A socket at `path`. The socket of a dead process is replaced; it is an error where a process answers or a file that
/// is no socket lies. The socket gets its mode under another name, so that others can never connect.
pub fn bind_unix(path: &Path) -> io::Result<UnixSocket> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "a file that is not a socket is there",
            ));
        }
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => (),
            Err(error) => return Err(error),
            Ok(_) => {
                return Err(io::Error::new(
                    ErrorKind::AddrInUse,
                    "another process answers there",
                ));
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => (),
        Err(error) => return Err(error),
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let listener = UnixListener::bind(&draft)?;
    let placed = fs::set_permissions(&draft, Permissions::from_mode(SOCKET_MODE))
        .and_then(|()| fs::rename(&draft, path));
    if placed.is_err() {
        let _ = fs::remove_file(&draft);
    }
    placed.map(|()| UnixSocket {
        listener,
        path: Some(path.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Folder {
            let path = std::env::temp_dir().join(format!("doorward-{}", crate::random::id()));
            fs::create_dir(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_unix_socket_is_for_its_owner_and_group_and_replaces_a_dead_one_only() {
        let folder = Folder::new();
        let path = folder.0.join("socket");
        let living = bind_unix(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, SOCKET_MODE);
        assert_eq!(bind_unix(&path).err().unwrap().kind(), ErrorKind::AddrInUse);
        drop(living);
        let successor = bind_unix(&path).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        drop(successor);
        assert_eq!(
            fs::read_dir(&folder.0).unwrap().count(),
            1,
            "no draft is left"
        );
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let folder = Folder::new();
        let path = folder.0.join("socket");
        fs::write(&path, "precious").unwrap();
        assert_eq!(
            bind_unix(&path).err().unwrap().kind(),
            ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
