//! The binary: read the command line, then the settings, bind, run.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;

use clap::Parser;
use doorward::clock::Clock;
use doorward::commands::{Command, CommandLine};
use doorward::observe::logging;
use doorward::server::Doorward;
use doorward::server::bind::Sockets;
use doorward::server::dotenv::read_dotenv;
use doorward::server::signals;
use doorward::settings::{Complaint, Settings};
use doorward::threads;
use nix::sys::resource::{Resource, setrlimit};

/// What somebody reads who starts `doorward` with no settings at all.
const WELCOME: &str = "\
Doorward signs people in through Okta or any OpenID provider. To try it without one:
    cargo run --example demo
To run it, set these (in the environment or in .env; .env.example explains them all):
    OIDC_ISSUER         Okta: Security > API > Authorization Servers > Issuer URI
    OIDC_CLIENT_ID      Okta: Applications > your web application > General > Client ID
    OIDC_CLIENT_SECRET  Okta: the same page, under Client Secrets
    PUBLIC_URL          where browsers reach Doorward; unset, it is http://localhost:8080
    SESSION_KEY         openssl rand -base64 64 | tr -d '\\n' (needed once PUBLIC_URL is https)
At Okta, set the sign-in redirect URI to PUBLIC_URL/authorization-code/callback.
";

fn main() -> ExitCode {
    no_core_dumps();
    let command = CommandLine::parse().command.unwrap_or(Command::Serve);
    let outcome = read_dotenv().and_then(|()| command.run(serve));
    logging::flush();
    outcome.unwrap_or_else(|message| {
        // Whether or not anybody reads it.
        let _ = writeln!(io::stderr(), "{}", message.trim_end());
        ExitCode::FAILURE
    })
}

/// Memory holds keys and tokens: whatever crashes, they are not written to a disk.
fn no_core_dumps() {
    if let Err(cause) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        eprintln!("core dumps can't be switched off: {cause}");
    }
}

fn serve() -> Result<(), String> {
    let from_systemd = Sockets::from_systemd()
        .map_err(|cause| format!("the sockets that systemd passes can't be used: {cause}"))?;
    let settings = Settings::from_env(&|path| std::fs::read(path))
        .map_err(|complaints| explain(&complaints))?;
    logging::start(settings.log_format).map_err(|cause| threads::explained(cause).to_string())?;
    let system = actix_web::rt::System::new();
    system
        .block_on(signals::ignore())
        .map_err(|cause| format!("signals can't be listened for: {cause}"))?;
    let listen_addr = settings.listening.addr.clone();
    let metrics_addr = settings.listening.metrics_addr;
    let gateway_addr = settings
        .gateway
        .as_ref()
        .map(|gateway| gateway.addr.clone());
    let public_url = settings.public_url.clone();
    let doorward = Doorward::new(settings, Clock::default()).map_err(|error| error.to_string())?;
    let sockets = from_systemd.or_open(&listen_addr).map_err(|cause| {
        format!("can't listen at {listen_addr}: {cause}\nCheck LISTEN_ADDR: is the port in use, or is the address not one of this host's?")
    })?;
    let metrics_listener = match metrics_addr {
        Some(addr) => Some(TcpListener::bind(addr).map_err(|cause| {
            format!("can't listen at {addr}: {cause}\nCheck METRICS_ADDR: is the port in use, or is the address not one of this host's?")
        })?),
        None => None,
    };
    let gateway_sockets = match &gateway_addr {
        Some(addr) => Some(Sockets::default().or_open(addr).map_err(|cause| {
            format!("can't listen at {addr}: {cause}\nCheck GATEWAY_ADDR: is the port in use, or is the address not one of this host's?")
        })?),
        None => None,
    };
    system.block_on(async {
        if let Some(sockets) = gateway_sockets {
            log::info!("the gateway listens at {}", sockets.names());
            let gateway = doorward.serve_gateway(sockets);
            if let Some(gateway) = gateway.map_err(|cause| cause.to_string())? {
                actix_web::rt::spawn(gateway);
            }
        }
        if let Some(listener) = metrics_listener {
            let metrics = doorward.serve_metrics(listener);
            actix_web::rt::spawn(metrics.map_err(|cause| cause.to_string())?);
        }
        log::info!(
            "listening at {}; PUBLIC_URL is {public_url}",
            sockets.names()
        );
        let server = doorward.clone().serve(sockets);
        let ended = server.map_err(|cause| cause.to_string())?.await;
        doorward.close();
        ended.map_err(|cause| cause.to_string())
    })
}

fn explain(complaints: &[Complaint]) -> String {
    let missing = |name: &str| {
        complaints
            .iter()
            .any(|complaint| complaint.variable == name && complaint.fault == "is missing")
    };
    if ["OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"]
        .into_iter()
        .all(missing)
    {
        return WELCOME.to_owned();
    }
    let mut text = "Doorward can't start:\n".to_owned();
    for complaint in complaints {
        text.push_str(&format!("  {complaint}\n"));
    }
    text
}
