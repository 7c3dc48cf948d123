//! A program as a process of its own, Doorward above all: what it printed, how it ended, and nothing of it left behind.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::app::{CLIENT_ID, CLIENT_SECRET, SESSION_KEY};
use crate::support::provider::{Person, Provider, ProviderConfig};
use crate::support::secrets;

/// Everything takes well below a second, except for an unreachable database, which Doorward waits five seconds for.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const DOORWARD: &str = env!("CARGO_BIN_EXE_doorward");

/// A program in an empty folder, with the environment that it is given and no more. Both go with this value.
pub struct Process {
    child: Child,
    output: Arc<Output>,
    folder: TempDir,
}

/// What it has printed so far, and whether that is all.
#[derive(Default)]
struct Output {
    text: Mutex<(String, u32)>,
    more: Condvar,
}

impl Process {
    pub fn start(
        program: impl AsRef<Path>,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Process {
        Process::start_beside(program, arguments, variables, &[])
    }

    /// With files in its folder.
    pub fn start_beside(
        program: impl AsRef<Path>,
        arguments: &[&str],
        variables: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Process {
        let program = Command::new(program.as_ref());
        Process::spawn(program, arguments, variables, files, Stdio::null())
    }

    /// Doorward with a socket that is handed over as systemd does it: as file descriptor 3.
    pub fn socket_activated(socket: OwnedFd, variables: &BTreeMap<String, String>) -> Process {
        const HAND_OVER: &str = r#"LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" 3<&0 </dev/null"#;
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let arguments = ["-c", HAND_OVER, DOORWARD];
        Process::spawn(
            Command::new("/bin/sh"),
            &arguments,
            &variables,
            &[],
            socket.into(),
        )
    }

    fn spawn(
        mut program: Command,
        arguments: &[&str],
        variables: &[(&str, &str)],
        files: &[(&str, &str)],
        stdin: Stdio,
    ) -> Process {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        secrets::watch();
        let mut child = program
            .args(arguments)
            .env_clear()
            .env("TMPDIR", folder.path())
            .env("RUST_BACKTRACE", "1")
            .envs(variables.iter().copied())
            .current_dir(&folder)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|cause| panic!("{program:?}: {cause}"));
        let output = Arc::new(Output::default());
        output.keep(child.stdout.take().unwrap());
        output.keep(child.stderr.take().unwrap());
        Process {
            child,
            output,
            folder,
        }
    }

    /// Doorward at an address of its own, with a provider that is down, and these variables besides.
    pub fn doorward(addr: SocketAddr, variables: &[(&str, &str)]) -> Process {
        let variables = complete(addr, variables);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Process::start(DOORWARD, &[], &variables)
    }

    /// Waits until it has printed `text`, then gives all that it has printed.
    pub fn says(&self, text: &str) -> String {
        self.output.wait(|printed, _| printed.contains(text))
    }

    /// Waits until something answers at `addr`.
    pub fn answers(&mut self, addr: SocketAddr) {
        let deadline = Instant::now() + PATIENCE;
        while get(addr, "/healthz").is_none() {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{ended:?}: {}",
                self.printed()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until something answers at `addr`, which gives nothing, or until it can't start: what it printed.
    pub fn answers_or_gives_up(&mut self, addr: SocketAddr) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        while get(addr, "/healthz").is_none() {
            if self.child.try_wait().unwrap().is_some() {
                return Some(self.gives_up());
            }
            assert!(Instant::now() < deadline, "{}", self.printed());
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Waits until it ends: its exit code and all that it has printed.
    pub fn ends(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "it goes on: {}", self.printed()),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        (status.code(), self.output.wait(|_, closed| closed == 2))
    }

    /// As [`Process::ends`], for a process that can't start: code 1, no panic. Returns what it printed.
    pub fn gives_up(&mut self) -> String {
        let (code, printed) = self.ends();
        assert_eq!(code, Some(1), "{printed}");
        for fright in ["panicked", "RUST_BACKTRACE", "stack backtrace", "src/"] {
            assert!(!printed.contains(fright), "{printed}");
        }
        printed
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`. Returns when it is gone; its folder stays.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    pub fn printed(&self) -> String {
        self.output.text.lock().unwrap().0.clone()
    }

    /// The names in its folder.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Who may do what with the files in its folder.
    pub fn modes(&self) -> BTreeMap<String, u32> {
        let mode = |name: &String| {
            let metadata = std::fs::metadata(self.folder.path().join(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        let names = self.files().into_iter();
        names.map(|name| (name.clone(), mode(&name))).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn keep(self: &Arc<Output>, pipe: impl Read + Send + 'static) {
        let output = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                secrets::printed(&line);
                let text = &mut output.text.lock().unwrap().0;
                text.push_str(&line);
                text.push('\n');
                output.more.notify_all();
            }
            output.text.lock().unwrap().1 += 1;
            output.more.notify_all();
        });
    }

    fn wait(&self, enough: impl Fn(&str, u32) -> bool) -> String {
        let text = self.text.lock().unwrap();
        let waiting = self
            .more
            .wait_timeout_while(text, PATIENCE, |(printed, closed)| {
                !enough(printed, *closed)
            });
        let (text, timeout) = waiting.unwrap();
        assert!(!timeout.timed_out(), "timed out: {}", text.0);
        text.0.clone()
    }
}

/// What starts a program with another clock, by Debian's `faketime`: `+100d` shifts it, `+0 x25` makes it run 25 times as
/// fast. Unlike the command of that name, it leaves no process in between, so that the program ends with [`Process`].
pub fn with_clock(clock: &str) -> [String; 4] {
    let is_shifted_alone = !clock.contains(' ');
    [
        "env".to_owned(),
        "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1".to_owned(),
        format!("FAKETIME={clock}"),
        format!(
            "FAKETIME_DONT_FAKE_MONOTONIC={}",
            u8::from(is_shifted_alone)
        ),
    ]
}

/// A file of rules for `RULES_FILE`, in a folder that goes with it.
pub struct RulesFile {
    pub path: String,
    _folder: TempDir,
}

/// A file with these rules.
pub fn rules_file(rules: &str) -> RulesFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    std::fs::write(&path, rules).unwrap();
    RulesFile {
        path: path.to_str().unwrap().to_owned(),
        _folder: folder,
    }
}

/// An address that is not in use: tests that run at the same time are all at 127.0.0.1.
pub fn free_addr() -> SocketAddr {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let [.., high, low] = std::process::id().to_be_bytes();
    let last = 1 + COUNT.fetch_add(1, Ordering::Relaxed) % 254;
    let ip = IpAddr::V4(Ipv4Addr::new(127, 64 | high >> 1, low, last as u8));
    TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap()
}

/// All that has to be set, and `variables`.
pub fn complete(addr: SocketAddr, variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    let all = [
        ("OIDC_ISSUER", "http://127.0.0.1:9"),
        ("OIDC_CLIENT_ID", CLIENT_ID),
        ("OIDC_CLIENT_SECRET", CLIENT_SECRET),
        ("SESSION_KEY", SESSION_KEY),
        // All visitors come from one address.
        ("RATE_LIMIT", "0"),
        ("LISTEN_ADDR", &addr.to_string()),
    ];
    let all = all.into_iter().chain(variables.iter().copied());
    let mut all: BTreeMap<_, _> = all
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    all.retain(|_, value| !value.is_empty());
    all
}

/// A provider that knows the Doorward at `url` by the usual client id and secret.
pub fn provider_for(url: &str, people: Vec<Person>) -> Provider {
    let provider = Provider::start(ProviderConfig {
        port: 0,
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.to_owned(),
        redirect_uris: vec![format!("{url}/authorization-code/callback")],
        post_logout_redirect_uris: vec![url.to_owned()],
        people,
    });
    provider.unwrap()
}

/// The response to `GET`, head and body; `None` if there is none.
pub fn get(addr: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    (!answer.is_empty()).then_some(answer)
}
