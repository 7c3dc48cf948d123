//! The whole application without its sockets.

mod check_cost;
mod request_cost;
mod routes;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use tempfile::TempDir;

use super::Doorward;
use crate::clock::Clock;
use crate::settings::Settings;

const RULES: &str = "[[rule]]\nname = 'wiki'\nhosts = ['wiki.test']\nallow = 'signed-in'\n";

/// A Doorward with a database of its own, a gateway, and a provider that says where it is and nothing else.
struct Assembled {
    doorward: Doorward,
    _folder: TempDir,
}

impl Assembled {
    /// It has these settings besides what it needs anyway.
    fn with(settings: &[(&'static str, &str)]) -> Assembled {
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("test.db").to_str().unwrap().to_owned();
        let rules = folder.path().join("rules.toml");
        std::fs::write(&rules, RULES).unwrap();
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
        let mut variables = HashMap::from([
            ("OIDC_ISSUER", provider()),
            ("OIDC_CLIENT_ID", "id".to_owned()),
            ("OIDC_CLIENT_SECRET", "secret".to_owned()),
            ("OIDC_RESPONSE_MODE", "form_post".to_owned()),
            ("SESSION_KEY", key.to_owned()),
            ("SESSION_KEY_PREVIOUS", key.replace("AAEC", "BBEC")),
            ("PUBLIC_URL", "http://localhost".to_owned()),
            ("DATABASE_URL", database),
            ("TRUSTED_PROXIES", "10.0.0.0/8".to_owned()),
            ("RATE_LIMIT", "0".to_owned()),
            ("GATEWAY_ADDR", "127.0.0.1:9091".to_owned()),
            ("GATEWAY_JWT", "true".to_owned()),
            ("RULES_FILE", rules.to_str().unwrap().to_owned()),
        ]);
        for (name, value) in settings {
            variables.insert(name, (*value).to_owned());
        }
        let settings = Settings::read(&|name| variables.get(name).cloned(), &|path| {
            std::fs::read(path)
        });
        let settings = settings.unwrap_or_else(|complaints| panic!("{complaints:?}"));
        Assembled {
            doorward: Doorward::new(settings, Clock::default()).unwrap(),
            _folder: folder,
        }
    }
}

/// As much of a provider as `/login` asks for: where it is.
fn provider() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let endpoint = |name: &str| format!(r#","{name}":"{issuer}/{name}""#);
    let endpoints = ["authorization_endpoint", "token_endpoint", "jwks_uri"].map(endpoint);
    let document = format!(
        r#"{{"issuer":"{issuer}","response_types_supported":["code"],
            "id_token_signing_alg_values_supported":["RS256"]{}}}"#,
        endpoints.concat()
    );
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let length = document.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\
                 Content-Length: {length}\r\n\r\n{document}"
            );
        }
    });
    issuer
}
