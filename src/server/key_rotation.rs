//! Replaces secrets that were given as files, without a restart and without signing anybody out.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;
use secrecy::SecretString;

use crate::oidc::RelyingParty;
use crate::server::watched_files::{Files, Watched};
use crate::session::Sessions;
use crate::settings::{self, Settings};

/// The secrets that came from files.
#[derive(Clone)]
pub struct SecretFiles {
    /// `OIDC_CLIENT_SECRET_FILE`.
    pub client_secret: Option<Files>,
    /// `SESSION_KEY_FILE`.
    pub session_key: Option<Files>,
    /// `SESSION_KEY_DELAY`.
    pub session_key_delay: Duration,
}

impl SecretFiles {
    /// Those that `settings` name and that can be read again.
    pub fn of(settings: &Settings) -> Self {
        let (provider, sessions) = (&settings.provider, &settings.sessions);
        SecretFiles {
            client_secret: provider.client_secret_file.as_ref().and_then(Files::of_one),
            session_key: sessions.key_file.as_ref().and_then(Files::of_one),
            session_key_delay: sessions.key_delay,
        }
    }
}

/// The files, each with what its new content does.
pub fn secrets(
    files: &SecretFiles,
    sessions: &Arc<Sessions>,
    provider: &Arc<RelyingParty>,
) -> Vec<Watched> {
    let client_secret = files.client_secret.clone().map(|file| {
        let provider = provider.clone();
        Watched::new(
            "OIDC_CLIENT_SECRET_FILE",
            file,
            move |contents| match text(&contents[0])? {
                "" => Err("is empty".to_owned()),
                secret => {
                    provider.replace_client_secret(SecretString::from(secret));
                    Ok(())
                }
            },
        )
    });
    let session_key = files.session_key.clone().map(|file| {
        let (sessions, delay) = (sessions.clone(), files.session_key_delay);
        Watched::new("SESSION_KEY_FILE", file, move |contents| {
            let key = settings::session_key(text(&contents[0])?.to_owned())?;
            let sessions = sessions.clone();
            rt::spawn(async move { sessions.rotate_key(key, delay).await });
            Ok(())
        })
    });
    client_secret.into_iter().chain(session_key).collect()
}

fn text(content: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(content).map_err(|_| "is not text".to_owned())?;
    Ok(text.trim())
}
