//! The binary: read the settings, bind, run.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use doorward::clock::Clock;
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
    let settings = Settings::from_env().map_err(|complaints| explain(&complaints))?;
    telemetry::start(settings.log_format);
    let listen_addr = settings.listen_addr;
    let public_url = settings.public_url.clone();
    let doorward = Doorward::new(settings, Clock::default()).map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(listen_addr).map_err(|cause| {
        format!("can't listen at {listen_addr}: {cause}\nCheck LISTEN_ADDR: is it taken, or not this machine's?")
    })?;
    actix_web::rt::System::new().block_on(async {
        log::info!("listening at {listen_addr}, reached at {public_url}");
        let server = doorward
            .serve(listener)
            .map_err(|cause| cause.to_string())?;
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
    let addr = Settings::listen_addr_from_env().map_err(|complaints| explain(&complaints))?;
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok::<_, std::io::Error>(status)
    };
    match ask() {
        Ok(status) if status.ends_with(b" 200") => Ok(()),
        Ok(_) => Err(format!(
            "{addr} answers, but not as a healthy Doorward does"
        )),
        Err(cause) => Err(format!("no Doorward answers at {addr}: {cause}")),
    }
}
