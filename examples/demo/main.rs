//! Doorward with its own provider in one command: `cargo run --example demo`. Everything is on this machine and is deleted
//! at the end.

mod provider;

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use doorward::clock::Clock;
use doorward::observe::logging::{self, LogFormat};
use doorward::random;
use doorward::server::Doorward;
use doorward::settings::Settings;
use provider::{Provider, ProviderConfig, demo_people};

const USAGE: &str = "\
usage: cargo run --example demo -- [--port N] [--provider-port N]
  --port           where Doorward listens (8080)
  --provider-port  where the demo provider listens (any free port)";

struct Ports {
    doorward: u16,
    provider: u16,
}

fn main() -> ExitCode {
    let folder = Folder::new();
    let outcome = ports(std::env::args().skip(1)).and_then(|ports| run(&ports, &folder.0));
    logging::flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(ports: &Ports, folder: &Path) -> Result<(), String> {
    logging::start(LogFormat::Text).map_err(|cause| cause.to_string())?;
    let listener = listen(ports.doorward)?;
    let port = listener
        .local_addr()
        .map_err(|cause| cause.to_string())?
        .port();
    // The host names differ, since cookies ignore ports.
    let public_url = format!("http://localhost:{port}");
    let client_secret = random::secret();
    let provider = Provider::start(ProviderConfig {
        port: ports.provider,
        client_id: "demo".to_owned(),
        client_secret: client_secret.clone(),
        redirect_uris: vec![format!("{public_url}/authorization-code/callback")],
        post_logout_redirect_uris: vec![public_url.clone()],
        people: demo_people(),
    })
    .map_err(|cause| taken("--provider-port", ports.provider, &cause))?;

    let settings = settings(&provider, &client_secret, &public_url, folder)?;
    let doorward = Doorward::new(settings, Clock::default()).map_err(|cause| cause.to_string())?;
    println!("\n  Doorward       {public_url}  <- open this and sign in");
    println!("  demo provider  {}", provider.issuer());
    println!("  Ctrl-C stops both.\n");
    // The server stops at Ctrl-C, and the provider when this function returns.
    actix_web::rt::System::new().block_on(async {
        let server = doorward
            .serve(listener)
            .map_err(|cause| cause.to_string())?;
        server.await.map_err(|cause| cause.to_string())
    })
}

/// Reads the demo's settings in the same way as a server's, with all checks.
fn settings(
    provider: &Provider,
    client_secret: &str,
    public_url: &str,
    folder: &Path,
) -> Result<Settings, String> {
    let database = folder.join("demo.db").display().to_string();
    let variables = HashMap::from([
        ("OIDC_ISSUER", provider.issuer()),
        ("OIDC_CLIENT_ID", "demo".to_owned()),
        ("OIDC_CLIENT_SECRET", client_secret.to_owned()),
        ("PUBLIC_URL", public_url.to_owned()),
        ("DATABASE_URL", database),
    ]);
    Settings::read(&|name| variables.get(name).cloned(), &|path| {
        std::fs::read(path)
    })
    .map_err(|complaints| {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

fn listen(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|cause| taken("--port", port, &cause))
}

fn taken(option: &str, port: u16, cause: &std::io::Error) -> String {
    match cause.kind() {
        ErrorKind::AddrInUse => format!(
            "Port {port} is in use. Choose another: cargo run --example demo -- {option} {}",
            port.saturating_add(1)
        ),
        _ => format!("Port {port} can't be used: {cause}"),
    }
}

fn ports(mut arguments: impl Iterator<Item = String>) -> Result<Ports, String> {
    let mut ports = Ports {
        doorward: 8080,
        provider: 0,
    };
    while let Some(option) = arguments.next() {
        let port = match option.as_str() {
            "--port" => &mut ports.doorward,
            "--provider-port" => &mut ports.provider,
            _ => return Err(USAGE.to_owned()),
        };
        let value = arguments.next().and_then(|value| value.parse().ok());
        *port = value.ok_or_else(|| USAGE.to_owned())?;
    }
    Ok(ports)
}

/// A temporary folder that is removed with the demo.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("doorward-demo-{}", random::id()));
        fs::create_dir(&path).expect("a folder can be made where temporary files go");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: what remains is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
