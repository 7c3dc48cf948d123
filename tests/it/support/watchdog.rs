//! Runs a program in a folder of its own, and ends both when the test process ends, in whatever way: between the two
//! stands a small `sh` that reads orders from a pipe. `kill -9` closes the pipe as surely as a clean exit does.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The program gets a session of its own, so that what it started is found again, and no signal of the terminal.
const SCRIPT: &str = r#"
folder=$1 signal=$2
shift 2
trap '' HUP INT
trap : TERM
umask 077
mkdir -- "$folder" && cd -- "$folder" || exit 1
exec 2>>watchdog
setsid=$(command -v setsid)
echo ready

run() {
    $setsid "$@" </dev/null >>output 2>&1 &
    echo $! >leader
    wait $!
    echo $? >ended
}

kill_session() {
    for stat in /proc/[0-9]*/stat; do
        read -r line <"$stat" || continue
        pid=${line%% *}
        set -- ${line##*) }
        [ "$4" != "$leader" ] || kill -s KILL "$pid"
    done 2>/dev/null
    kill -s KILL "$leader" 2>/dev/null
}

stop() {
    [ -s leader ] || return
    read -r leader <leader
    kill -s "$signal" "$leader"
    tries=0
    until [ -s ended ]; do
        tries=$((tries + 1))
        [ "$tries" != 500 ] || kill_session
        sleep 0.02
    done
    kill_session
    rm -f leader
}

while read -r order arguments; do
    case $order in
    start)
        rm -f leader ended
        run "$@" $arguments &
        until [ -s leader ]; do sleep 0.01; done
        echo started
        ;;
    stop)
        stop
        echo stopped
        ;;
    esac
done

stop
cd /
tries=0
while [ "$tries" -lt 50 ] && ! rm -rf -- "$folder"; do
    tries=$((tries + 1))
    sleep 0.1
done
"#;

/// The user that the program runs as, if not the user who runs the tests.
#[derive(Clone, Copy)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

pub struct Watchdog {
    folder: PathBuf,
    sh: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Watchdog {
    /// Makes the folder and waits for `start`. `signal` (`QUIT`, `KILL` …) is what ends the program; what does not go
    /// within ten seconds is killed.
    pub fn new(name: &str, signal: &str, user: Option<User>, program: &[&OsStr]) -> Watchdog {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            parent_folder().join(format!("doorward-{name}-{}-{count}", std::process::id()));

        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "watchdog"])
            .arg(&folder)
            .arg(signal)
            .args(program);
        command
            .current_dir("/")
            .env("HOME", &folder)
            .env("TMPDIR", &folder)
            .env("LC_ALL", "C.UTF-8");
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("PG") {
                command.env_remove(variable);
            }
        }
        if let Some(User { uid, gid }) = user {
            command.uid(uid).gid(gid);
        }
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut sh = command.spawn().expect("sh can be started");
        let orders = sh.stdin.take();
        let answers = BufReader::new(sh.stdout.take().expect("stdout is a pipe"));

        let mut watchdog = Watchdog {
            folder,
            sh,
            orders,
            answers,
        };
        watchdog.expect("ready");
        watchdog
    }

    /// Only this user can read it. It goes when the watchdog goes.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `arguments` are added to those of `program`.
    pub fn start(&mut self, arguments: &str) {
        self.order(&format!("start {arguments}"), "started");
    }

    /// Returns when the program has ended. The folder stays, for another `start`.
    pub fn stop(&mut self) {
        self.order("stop", "stopped");
    }

    /// Whether the program ended by itself.
    pub fn ended(&self) -> bool {
        self.folder.join("ended").exists()
    }

    /// What the program has printed so far.
    pub fn output(&self) -> String {
        let bytes = std::fs::read(self.folder.join("output")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn order(&mut self, order: &str, answer: &str) {
        let orders = self
            .orders
            .as_mut()
            .expect("the pipe is open until the watchdog is dropped");
        writeln!(orders, "{order}").expect("the watchdog reads its orders");
        self.expect(answer);
    }

    fn expect(&mut self, answer: &str) {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the watchdog's answer can be read");
        assert_eq!(
            line.trim_end(),
            answer,
            "the watchdog of {} has a problem (see above)",
            self.folder.display()
        );
    }
}

/// Memory where there is plenty: on a busy disk a new Postgres database takes ten times as long. `TMPDIR` has the last
/// word.
fn parent_folder() -> &'static Path {
    const PLENTY_KIB: u64 = 2 * 1024 * 1024;
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let available_kib = || -> Option<u64> {
            let output = Command::new("df")
                .args(["-Pk", "/dev/shm"])
                .stderr(Stdio::null())
                .output()
                .ok()?;
            let table = String::from_utf8(output.stdout).ok()?;
            table
                .lines()
                .nth(1)?
                .split_whitespace()
                .nth(3)?
                .parse()
                .ok()
        };
        let memory = std::env::var_os("TMPDIR").is_none()
            && available_kib().is_some_and(|kib| kib > PLENTY_KIB);
        if memory {
            PathBuf::from("/dev/shm")
        } else {
            std::env::temp_dir()
        }
    })
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.sh.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// The test runs itself once more; that second process holds the program until it is killed.
    const HOLDER: &str = "DOORWARD_TEST_HOLDS_A_PROGRAM";

    #[test]
    fn a_test_process_that_is_killed_leaves_no_program_and_no_folder() {
        if std::env::var_os(HOLDER).is_some() {
            let mut watchdog = Watchdog::new("held", "TERM", None, &["sleep".as_ref()]);
            watchdog.start("1000");
            let pid = std::fs::read_to_string(watchdog.folder().join("leader")).unwrap();
            eprintln!("\nholding {} {}", pid.trim(), watchdog.folder().display());
            let _ = std::io::stdin().read_line(&mut String::new());
            return;
        }
        let name = concat!(
            module_path!(),
            "::a_test_process_that_is_killed_leaves_no_program_and_no_folder"
        );
        let mut holder = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name.split_once("::").unwrap().1, "--nocapture"])
            .env(HOLDER, "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(holder.stderr.take().unwrap()).lines();
        let line = lines
            .map_while(Result::ok)
            .find(|line| line.starts_with("holding "))
            .unwrap();
        let (pid, folder) = line["holding ".len()..].split_once(' ').unwrap();
        let alive = || {
            Command::new("kill")
                .args(["-0", pid])
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
        };
        assert!(alive() && Path::new(folder).is_dir());

        holder.kill().unwrap(); // SIGKILL
        holder.wait().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while alive() || Path::new(folder).exists() {
            assert!(Instant::now() < deadline, "{line}: still there");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
