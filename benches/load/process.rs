//! The processes that are measured: started, asked for what they cost, and ended with this value.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

/// Everything here starts well below a second.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Process {
    child: Child,
    pub addr: SocketAddr,
    /// From its start to its first answer.
    pub start: Duration,
}

/// The other half of [`Process::of_this_binary`].
pub fn announce(port: u16) {
    println!("{port}");
}

impl Process {
    /// This binary again, as what `arguments` say: it prints its port.
    pub fn of_this_binary(arguments: &[&str]) -> Process {
        let began = Instant::now();
        let this = std::env::current_exe().expect("it runs");
        let mut child = Command::new(this)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts as this one did");
        let mut port = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        stdout.read_line(&mut port).expect("it prints its port");
        let port = port.trim().parse().expect("a port");
        Process {
            child,
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            start: began.elapsed(),
        }
    }

    /// Doorward, as `binary`, with these settings and what it needs besides, on a free port. Its log, at its default
    /// level, is written and thrown away.
    pub fn doorward(
        binary: &Path,
        folder: &Path,
        issuer: &str,
        database: &str,
        more: &[(&str, &str)],
    ) -> Process {
        let addr = free_addr();
        let began = Instant::now();
        let child = Command::new(binary)
            .env_clear()
            .env("OIDC_ISSUER", issuer)
            .env("OIDC_CLIENT_ID", super::provider::CLIENT_ID)
            .env("OIDC_CLIENT_SECRET", super::provider::CLIENT_SECRET)
            .env("PUBLIC_URL", format!("http://{addr}"))
            .env("LISTEN_ADDR", addr.to_string())
            .env("DATABASE_URL", database)
            .env("SESSION_KEY", super::SESSION_KEY)
            // All of the load comes from one address.
            .env("RATE_LIMIT", "0")
            .envs(more.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary is there");
        let mut process = Process {
            child,
            addr,
            start: Duration::ZERO,
        };
        while TcpStream::connect(addr).is_err() {
            assert!(began.elapsed() < PATIENCE, "Doorward does not answer");
            assert!(
                process.child.try_wait().is_ok_and(|ended| ended.is_none()),
                "Doorward does not start"
            );
            std::thread::sleep(Duration::from_micros(500));
        }
        let first = super::client::blocking_get(addr, "/");
        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
        process.start = began.elapsed();
        process
    }

    /// nginx, as one process, with this configuration, which listens at `addr`.
    pub fn nginx(folder: &Path, configuration: &str, addr: SocketAddr) -> Process {
        let began = Instant::now();
        std::fs::create_dir_all(folder.join("temp")).expect("the folder is ours");
        std::fs::write(folder.join("conf"), configuration).expect("the folder is ours");
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-c", "conf", "-p"])
            .arg(format!("{}/", folder.display()))
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is installed");
        let mut process = Process {
            child,
            addr,
            start: Duration::ZERO,
        };
        while TcpStream::connect(addr).is_err() {
            let ended = process.child.try_wait();
            assert!(
                ended.is_ok_and(|ended| ended.is_none()),
                "nginx does not start"
            );
            assert!(began.elapsed() < PATIENCE, "nginx does not answer");
            std::thread::sleep(Duration::from_micros(500));
        }
        process.start = began.elapsed();
        process
    }

    /// The processor time that it has used, user and system, of all its threads.
    pub fn cpu(&self) -> Duration {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        let used = nix::time::clock_getcpuclockid(pid).and_then(nix::time::clock_gettime);
        let nanos = used.expect("the process lives").num_nanoseconds();
        Duration::from_nanos(nanos.unsigned_abs())
    }

    /// Resident memory now and at its peak, in bytes.
    pub fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the process lives");
        let field = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .expect("Linux has it");
            let kib: u64 = line
                .trim()
                .trim_end_matches(" kB")
                .parse()
                .expect("a number");
            kib * 1024
        };
        (field("VmRSS:"), field("VmHWM:"))
    }
}

/// An address of this machine that nothing listens at.
pub fn free_addr() -> SocketAddr {
    let addr = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    addr.expect("a port is free")
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
