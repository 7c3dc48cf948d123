//! Doorward as the gateway of two apps: the demo provider, Doorward, the apps, and nginx in front of all.

use std::path::Path;

use doorward::clock::Clock;
use doorward::random;
use doorward::server::Doorward;

use crate::Options;
use crate::apps::{APPS, App};
use crate::nginx::{Nginx, Upstreams};

const RULES: &str = r#"
[[rule]]
name = "wiki"
hosts = ["wiki.localhost:PORT"]
allow = "signed-in"

[[rule]]
name = "metrics"
hosts = ["metrics.localhost:PORT"]
groups = ["admins"]
"#;

/// Until Ctrl-C.
pub fn run(options: &Options, folder: &Path) -> Result<(), String> {
    // Whether nginx can have it is known before anything starts.
    let (front, addr) = crate::listen("--gateway --port", options.port)?;
    let port = addr.port();
    let public_url = format!("http://auth.localhost:{port}");
    let client_secret = random::secret();
    let provider = crate::start_provider(options, &client_secret, &public_url)?;
    let rules_file = folder.join("rules.toml");
    std::fs::write(&rules_file, RULES.replace("PORT", &port.to_string()))
        .map_err(|cause| format!("{}: {cause}", rules_file.display()))?;
    let any = || crate::listen("", 0);
    let ((public, public_addr), (gateway, gateway_addr)) = (any()?, any()?);
    let (wiki, metrics) = (any()?, any()?);
    let mut variables = crate::variables(&provider, &client_secret, &public_url, folder);
    variables.extend([
        ("LISTEN_ADDR", public_addr.to_string()),
        ("GATEWAY_ADDR", gateway_addr.to_string()),
        ("RULES_FILE", rules_file.display().to_string()),
        ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
    ]);
    let doorward = Doorward::new(crate::settings(variables)?, Clock::default())
        .map_err(|cause| cause.to_string())?;
    drop(front);
    let upstreams = Upstreams {
        doorward: public_addr,
        gateway: gateway_addr,
        apps: [wiki.1, metrics.1],
    };
    let _nginx = Nginx::start(folder, port, &upstreams)?;
    explain(port, &provider.issuer(), folder);
    let io = |cause: std::io::Error| cause.to_string();
    // The servers stop at Ctrl-C; nginx and the provider when this function returns.
    actix_web::rt::System::new().block_on(async {
        for (app, (listener, _)) in APPS.iter().zip([wiki, metrics]) {
            actix_web::rt::spawn(app.serve(listener, port).map_err(io)?);
        }
        if let Some(gateway) = doorward.serve_gateway(gateway).map_err(io)? {
            actix_web::rt::spawn(gateway);
        }
        doorward.serve(public).map_err(io)?.await.map_err(io)
    })
}

fn explain(port: u16, issuer: &str, folder: &Path) {
    let [wiki, metrics] = APPS.map(|app: App| app.url(port));
    let folder = folder.display();
    println!(
        "
  Wiki           {wiki}  <- open this: for everybody who is signed in
  Metrics        {metrics}  for the group admins: Grace is in it, Ada is not
  Doorward       http://auth.localhost:{port}/
  demo provider  {issuer}

  1. Open the wiki and sign in as Ada. The wiki knows who she is, and has no sign-in of its own.
  2. Open Metrics. A page says that it is not open to Ada; this command says which rule decides, and why:
     RULES_FILE={folder}/rules.toml DATABASE_URL={folder}/demo.db cargo run -q -- rules test {metrics} --as ada@example.com
  3. Sign out on that page, open Metrics again, and sign in as Grace. She gets in.
  4. Open the wiki: Grace need not sign in again. Sign out there, and Metrics is closed too.
  5. Sign in again, and sign out at the demo provider: both are closed.

  Safari finds these hosts only if /etc/hosts has: 127.0.0.1 auth.localhost wiki.localhost metrics.localhost
  Ctrl-C stops everything, and nothing is kept.
"
    );
}
