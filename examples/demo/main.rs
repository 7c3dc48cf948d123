//! Doorward with its own provider in one command: `cargo run --example demo`. With `-- --gateway`, nginx and two apps behind
//! it as well. Everything is on this machine and is deleted at the end.

mod apps;
mod gateway;
mod nginx;
mod provider;

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use doorward::clock::Clock;
use doorward::observe::logging::{self, LogFormat};
use doorward::random;
use doorward::server::Doorward;
use doorward::settings::Settings;
use provider::{Provider, ProviderConfig, demo_people};

const USAGE: &str = "\
usage: cargo run --example demo -- [--gateway] [--port N] [--provider-port N]
  --gateway        with nginx, and two apps that Doorward guards
  --port           where Doorward listens, or nginx before it (8080)
  --provider-port  where the demo provider listens (any free port)";

#[derive(Default)]
struct Options {
    gateway: bool,
    port: u16,
    provider_port: u16,
}

fn main() -> ExitCode {
    let folder = Folder::new();
    let outcome = options(std::env::args().skip(1)).and_then(|options| run(&options, &folder.0));
    logging::flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, folder: &Path) -> Result<(), String> {
    logging::start(LogFormat::Text).map_err(|cause| cause.to_string())?;
    match options.gateway {
        true => gateway::run(options, folder),
        false => without_gateway(options, folder),
    }
}

fn without_gateway(options: &Options, folder: &Path) -> Result<(), String> {
    let (listener, addr) = listen("--port", options.port)?;
    // The host names differ, since cookies ignore ports.
    let public_url = format!("http://localhost:{}", addr.port());
    let client_secret = random::secret();
    let provider = start_provider(options, &client_secret, &public_url)?;
    let settings = settings(variables(&provider, &client_secret, &public_url, folder))?;
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

fn start_provider(
    options: &Options,
    client_secret: &str,
    public_url: &str,
) -> Result<Provider, String> {
    let provider = Provider::start(ProviderConfig {
        port: options.provider_port,
        client_id: "demo".to_owned(),
        client_secret: client_secret.to_owned(),
        redirect_uris: vec![format!("{public_url}/authorization-code/callback")],
        post_logout_redirect_uris: vec![public_url.to_owned()],
        people: demo_people(),
    })
    .map_err(|cause| {
        let option = match options.gateway {
            true => "--gateway --provider-port",
            false => "--provider-port",
        };
        taken(option, options.provider_port, &cause)
    })?;
    provider.register_backchannel_logout(&format!("{public_url}/backchannel-logout"));
    Ok(provider)
}

type Variables = HashMap<&'static str, String>;

fn variables(
    provider: &Provider,
    client_secret: &str,
    public_url: &str,
    folder: &Path,
) -> Variables {
    HashMap::from([
        ("OIDC_ISSUER", provider.issuer()),
        ("OIDC_CLIENT_ID", "demo".to_owned()),
        ("OIDC_CLIENT_SECRET", client_secret.to_owned()),
        ("PUBLIC_URL", public_url.to_owned()),
        ("DATABASE_URL", folder.join("demo.db").display().to_string()),
    ])
}

/// Reads the demo's settings in the same way as a server's, with all checks.
fn settings(variables: Variables) -> Result<Settings, String> {
    Settings::read(&|name| variables.get(name).cloned(), &|path| {
        std::fs::read(path)
    })
    .map_err(|complaints| {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

/// Where `option` says, or at any free port for 0.
fn listen(option: &str, port: u16) -> Result<(TcpListener, SocketAddr), String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let with_addr = listener.and_then(|listener| {
        let addr = listener.local_addr()?;
        Ok((listener, addr))
    });
    with_addr.map_err(|cause| taken(option, port, &cause))
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

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        port: 8080,
        ..Options::default()
    };
    while let Some(option) = arguments.next() {
        let port = match option.as_str() {
            "--gateway" => {
                options.gateway = true;
                continue;
            }
            "--port" => &mut options.port,
            "--provider-port" => &mut options.provider_port,
            _ => return Err(USAGE.to_owned()),
        };
        let value = arguments.next().and_then(|value| value.parse().ok());
        *port = value.ok_or_else(|| USAGE.to_owned())?;
    }
    Ok(options)
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
