//! How Chromium and its driver are found and started.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::patience::POLL;
use super::{Look, Watchdog};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Chromium makes no window narrower than this.
const NARROWEST_WINDOW: u32 = 500;

pub(super) fn capabilities(
    look: Look,
    chromium: &Path,
    folder: &Path,
) -> serde_json::Map<String, Value> {
    let Look { width, height, .. } = look;
    let mut args = vec![
        "--headless=new".to_owned(),
        format!("--user-data-dir={}", folder.join("profile").display()),
        format!("--window-size={},{height}", width.max(NARROWEST_WINDOW)),
        // Nothing leaves this machine, whatever Chromium or a page would like.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.*, EXCLUDE [::1]".to_owned(),
        "--no-proxy-server".to_owned(),
    ];
    let switches = "--disable-gpu --disable-quic --no-first-run --disable-background-networking \
         --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars";
    args.extend(switches.split_whitespace().map(str::to_owned));
    if std::fs::metadata(folder)
        .is_ok_and(|folder| std::os::unix::fs::MetadataExt::uid(&folder) == 0)
    {
        args.push("--no-sandbox".to_owned()); // Chromium's sandbox refuses to run as root
    }
    if look.dark {
        args.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let mut options =
        json!({ "binary": chromium, "args": args, "perfLoggingPrefs": { "enableNetwork": true } });
    if !look.javascript {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    if width < NARROWEST_WINDOW {
        // chromedriver's taps, unlike its clicks, wait ten minutes for an answer where scripts are switched off.
        let touch = look.javascript;
        let metrics = json!({ "width": width, "height": height, "pixelRatio": 2, "touch": touch, "mobile": true });
        options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
    }
    let capabilities = json!({
        "browserName": "chrome",
        // Those of tests have no authority that a browser knows.
        "acceptInsecureCerts": true,
        "goog:chromeOptions": options,
        "timeouts": { "pageLoad": 30_000, "script": 10_000 },
        "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
    });
    match capabilities {
        Value::Object(map) => map,
        _ => unreachable!("it is an object"),
    }
}

/// chromedriver says which port it was given. It ends at once if another program has that port at the other of IPv4 and
/// IPv6: then there is none.
pub(super) async fn driver_port(driver: &Watchdog) -> Option<u16> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let output = driver.output();
        let after = output
            .split_once("started successfully on port ")
            .map(|(_, after)| after);
        if let Some(port) = after.and_then(|after| after.split_once('.')?.0.parse().ok()) {
            return Some(port);
        }
        if driver.ended() {
            return None;
        }
        assert!(
            Instant::now() < deadline,
            "chromedriver did not start:\n{output}"
        );
        tokio::time::sleep(POLL).await;
    }
}

pub(super) fn find(names: &[&str], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = names
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    candidates.into_iter().find(|program| program.is_file()).unwrap_or_else(|| {
        panic!(
            "These tests need Chromium and its driver: `{}` is not in the PATH. Install the Debian package `{package}` \
             (all of them: `chromium` and `chromium-driver`), or run `make test`, which does so.",
            names[0],
        )
    })
}
