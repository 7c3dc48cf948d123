//! The binary: read the settings, bind, run.

use std::process::ExitCode;

use doorward::clock::Clock;
use doorward::health;
use doorward::listen::Sockets;
use doorward::server::Doorward;
use doorward::settings::{Complaint, Settings};
use doorward::telemetry;

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

const USAGE: &str = "\
usage: doorward              serve
       doorward healthcheck  exit with 0 if a Doorward answers at LISTEN_ADDR
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = read_dotenv().and_then(|()| match arguments[..] {
        [] => serve(),
        ["healthcheck"] => healthcheck(),
        _ => Err(USAGE.to_owned()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}", message.trim_end());
            ExitCode::FAILURE
        }
    }
}

/// `.env` fills in what the environment does not say. The message names no line: it may hold a
/// secret.
fn read_dotenv() -> Result<(), String> {
    match dotenvy::dotenv() {
        Err(error) if !error.not_found() => Err(
            ".env can't be read: each line must be NAME=value (quote values with spaces)"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

fn serve() -> Result<(), String> {
    let handed_over = Sockets::handed_over()
        .map_err(|cause| format!("the sockets that systemd hands over can't be used: {cause}"))?;
    let settings = Settings::from_env().map_err(|complaints| explain(&complaints))?;
    telemetry::start();
    let listen_addr = settings.listen_addr.clone();
    let public_url = settings.public_url.clone();
    let doorward = Doorward::new(settings, Clock::default()).map_err(|error| error.to_string())?;
    let sockets = handed_over.or_open(&listen_addr).map_err(|cause| {
        format!("can't listen at {listen_addr}: {cause}\nCheck LISTEN_ADDR: is it taken, or not this machine's?")
    })?;
    actix_web::rt::System::new().block_on(async {
        log::info!("listening at {}, reached at {public_url}", sockets.names());
        let server = doorward.serve(sockets).map_err(|cause| cause.to_string())?;
        server.await.map_err(|cause| cause.to_string())
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

/// For a container's health check: no curl needed.
fn healthcheck() -> Result<(), String> {
    let (addr, speaks) =
        Settings::listen_addr_from_env().map_err(|complaints| explain(&complaints))?;
    health::check(&addr, speaks)
}
