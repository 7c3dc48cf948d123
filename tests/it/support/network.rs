//! A network of a test's own, in which packets can be lost without harm to anybody else.

use std::process::{Command, Stdio};

/// Tells the test process in the new network that it is there.
const INSIDE: &str = "DOORWARD_TEST_HAS_ITS_OWN_NETWORK";

/// Whether this process is in a network of its own. If not, it has run the test `name` there, in a second process. The
/// test then has nothing left to do. `name` is the path of the test without that of the crate.
///
/// It takes root, iproute2 and nftables. Without them the test fails, and says so.
pub fn is_own(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let test = std::env::current_exe().unwrap();
    let output = Command::new("unshare")
        .args(["--net", "--", "sh", "-c"])
        .arg("ip link set lo up && nft list ruleset && exec \"$@\"")
        .args(["sh".as_ref(), test.as_os_str()])
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "yes")
        .stdin(Stdio::null())
        .output()
        .expect("unshare, of util-linux, is there");
    let said = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    assert!(
        output.status.success() && said[0].contains("1 passed"),
        "{name}, in a network of its own (which takes root, and the Debian packages iproute2 and nftables; `make test` \
         installs them):\n{}",
        said.concat()
    );
    false
}

/// Loses packets to and from `port`, on their way in, as a network does.
pub struct Firewall {
    port: u16,
}

impl Firewall {
    pub fn before(port: u16) -> Firewall {
        assert!(std::env::var_os(INSIDE).is_some(), "see `is_own`");
        nft("add table inet test");
        nft("add chain inet test input { type filter hook input priority 0; }");
        Firewall { port }
    }

    /// Every packet from now on.
    pub fn lose_all(&self) {
        let port = self.port;
        nft(&format!("add rule inet test input tcp dport {port} drop"));
        nft(&format!("add rule inet test input tcp sport {port} drop"));
    }

    /// The packets of the connections that there are now, and not of new ones. Returns how many connections.
    pub fn forget(&self) -> usize {
        let port = self.port;
        let clients = clients_of(port);
        for client in &clients {
            nft(&format!(
                "add rule inet test input tcp dport {port} tcp sport {client} drop"
            ));
            nft(&format!(
                "add rule inet test input tcp sport {port} tcp dport {client} drop"
            ));
        }
        clients.len()
    }

    /// No packet any more.
    pub fn heal(&self) {
        nft("flush chain inet test input");
    }
}

fn nft(command: &str) {
    let status = Command::new("nft").arg(command).status().unwrap();
    assert!(status.success(), "{command}");
}

/// The clients' ports of the open connections to `port`.
fn clients_of(port: u16) -> Vec<u16> {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let port_of = |address: &str| {
        let (_, port) = address.rsplit_once(':').unwrap();
        u16::from_str_radix(port, 16).unwrap()
    };
    let clients = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, state, ..] = fields[..] else {
            panic!("{line}");
        };
        (state == ESTABLISHED && port_of(remote) == port).then(|| port_of(local))
    });
    clients.collect()
}
