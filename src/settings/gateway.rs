//! The gateway: where proxies ask, and the rules.

use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::listening::{ListenAddr, Listening};
use super::provider;
use super::proxies::TrustedProxies;
use super::source::{FileContent, Source};
use super::values;
use crate::gateway::identity::UserName;
use crate::gateway::rules::Rules;
use crate::public_url::PublicUrl;

const ADDR: &str = "127.0.0.1:9091";
const RULES_FILE: &str = "/etc/doorward/rules.toml";

/// The gateway.
pub struct Gateway {
    /// `GATEWAY_ADDR`: where proxies ask.
    pub addr: ListenAddr,
    /// `RULES_FILE`: who may pass.
    pub rules: Rules,
    /// The file of the rules.
    pub rules_file: FileContent,
    /// `GATEWAY_USER`: what apps know a person by.
    pub user_name: UserName,
    /// `GATEWAY_JWT`: whether apps get a signed token that says who a visitor is.
    pub signs_identity: bool,
}

/// What the commands about rules need.
pub struct RulesFile {
    /// `RULES_FILE`.
    pub rules: Rules,
    /// `GATEWAY_USER`.
    pub user_name: UserName,
    /// `PUBLIC_URL`.
    pub public_url: PublicUrl,
    /// `OIDC_SCOPES`.
    pub scopes: String,
}

/// `RULES_FILE`, which must be there, `GATEWAY_USER` and `OIDC_SCOPES`.
pub fn rules_file(source: &mut Source<'_>, public_url: PublicUrl) -> Option<RulesFile> {
    let path = source.required("RULES_FILE", RULES_FILE, values::text);
    let user_name = source.optional("GATEWAY_USER", "subject", user_name);
    let scopes = provider::scopes(source);
    let (rules, _) = rules(source, PathBuf::from(path?))?;
    Some(RulesFile {
        rules,
        user_name: user_name.unwrap_or_default(),
        public_url,
        scopes,
    })
}

/// The gateway, if there is a `GATEWAY_ADDR`.
pub fn read(
    source: &mut Source<'_>,
    listening: &Listening,
    proxies: &TrustedProxies,
) -> Option<Gateway> {
    let addr = source.optional("GATEWAY_ADDR", ADDR, |text| {
        text.parse().map_err(str::to_owned)
    });
    let file = source.optional("RULES_FILE", RULES_FILE, values::text);
    let user_name = source.optional("GATEWAY_USER", "subject", user_name);
    let signs_identity = source.optional("GATEWAY_JWT", "true", values::boolean);
    let addr: ListenAddr = match (addr, &file) {
        (Some(addr), _) => addr,
        (None, Some(_)) if !source.has_complaints_about("GATEWAY_ADDR") => {
            source.complain("GATEWAY_ADDR", "is missing, but RULES_FILE is set", ADDR);
            return None;
        }
        (None, _) => return None,
    };
    let metrics_addr = listening.metrics_addr.map(ListenAddr::Tcp);
    for (other, name) in [
        (Some(&listening.addr), "LISTEN_ADDR"),
        (metrics_addr.as_ref(), "METRICS_ADDR"),
    ] {
        if other == Some(&addr) {
            let fault = format!("is the same as {name}; visitors must not reach the gateway");
            source.complain("GATEWAY_ADDR", fault, ADDR);
        }
    }
    let is_trusted = match &addr {
        ListenAddr::Unix(_) => proxies.unix,
        ListenAddr::Tcp(_) => !proxies.networks.is_empty(),
    };
    if !is_trusted && !source.has_complaints_about("TRUSTED_PROXIES") {
        let fault =
            "must name the proxies that ask at GATEWAY_ADDR (`unix` if that is a Unix socket)";
        source.complain("TRUSTED_PROXIES", fault, "10.0.0.0/8 2001:db8::/32 unix");
    }
    let Some(file) = file else {
        source.complain(
            "RULES_FILE",
            "is missing, but GATEWAY_ADDR is set",
            RULES_FILE,
        );
        return None;
    };
    let (rules, rules_file) = rules(source, PathBuf::from(file))?;
    Some(Gateway {
        addr,
        rules,
        rules_file,
        user_name: user_name.unwrap_or_default(),
        signs_identity: signs_identity.unwrap_or_default(),
    })
}

fn rules(source: &mut Source<'_>, path: PathBuf) -> Option<(Rules, FileContent)> {
    let file = match source.file(&path) {
        Ok(file) => file,
        Err(cause) => {
            source.complain("RULES_FILE", format!("can't be read ({cause})"), RULES_FILE);
            return None;
        }
    };
    match parse_rules(file.bytes.expose_secret()) {
        Ok(rules) => Some((rules, file)),
        Err(fault) => {
            source.complain("RULES_FILE", fault, RULES_FILE);
            None
        }
    }
}

/// The rules in the content of `RULES_FILE`.
///
/// # Errors
/// All its faults, to stand behind the setting's name.
pub fn parse_rules(content: &[u8]) -> Result<Rules, String> {
    let text = std::str::from_utf8(content).map_err(|_| "is not UTF-8".to_owned())?;
    Rules::parse(text).map_err(|faults| {
        let faults = faults.iter().map(|fault| format!("\n      {fault}"));
        format!("has faults:{}", faults.collect::<String>())
    })
}

fn user_name(text: String) -> Result<UserName, String> {
    match text.as_str() {
        "subject" => Ok(UserName::Subject),
        "email" => Ok(UserName::Email),
        "preferred_username" => Ok(UserName::PreferredUsername),
        _ => Err("is neither subject, email nor preferred_username".to_owned()),
    }
}
