//! Rules that are valid, and may mean more or less than was meant: for `doorward rules check` and `doorward check`.

use std::collections::HashMap;
use std::time::Duration;

use crate::gateway::host::{Host, Scheme};
use crate::gateway::original_request::OriginalRequest;
use crate::gateway::rules::pattern::{HostPattern, PathPattern};
use crate::gateway::rules::{Allow, Rule, Rules, Selected};
use crate::public_url::PublicUrl;

/// The scopes of OpenID Connect Core 1.0, 5.4 and 11. None of them brings groups.
const STANDARD_SCOPES: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
];

/// With less, a code from a phone or the way back from the provider can take too long.
const SHORTEST_MAX_AGE: Duration = Duration::from_secs(60);

/// What may be meant otherwise.
pub struct Risk {
    /// What it is, with the rule's line and name.
    pub message: String,
    /// How to mean something else.
    pub fix: &'static str,
}

/// Everything in `rules` that may be meant otherwise, in the order of the file. `scopes` is `OIDC_SCOPES`.
pub fn risks(rules: &Rules, public_url: &PublicUrl, scopes: &str) -> Vec<Risk> {
    let own_host = own_host(public_url);
    let mut risks = Vec::new();
    for rule in rules.all() {
        let at = format!("line {}: \"{}\"", rule.line, rule.name);
        if lets_everybody_in_everywhere(rule) {
            risks.push(Risk {
                message: format!(
                    "{at} lets everybody in everywhere at {}",
                    hosts(&rule.hosts)
                ),
                fix: "name the paths that are public, or write allow = \"signed-in\"",
            });
        }
        if let Some((path, other)) = exact_guard(rules, rule) {
            risks.push(Risk {
                message: format!(
                    "{at} guards {path} exactly, and {path}/ is for \"{}\": many apps serve the same page at both",
                    other.name
                ),
                fix: "leave out the =, which guards all below the path, too",
            });
        }
        if let Some(max_age) = rule.max_age.filter(|it| *it < SHORTEST_MAX_AGE) {
            risks.push(Risk {
                message: format!(
                    "{at} has a max_age of {} s: who takes longer to sign in never gets in, and everybody signs in again at each \
                     visit",
                    max_age.as_secs()
                ),
                fix: "allow a minute or more",
            });
        }
        let is_own = |host: &String| Some(host) == own_host.as_ref();
        if rule
            .hosts
            .iter()
            .map(ToString::to_string)
            .any(|it| is_own(&it))
        {
            risks.push(Risk {
                message: format!(
                    "{at} is for PUBLIC_URL's own host: signing in must not need a sign-in"
                ),
                fix: "let the proxy send that host to Doorward without a check, and delete it from the rule",
            });
        }
    }
    risks.extend(shared_cookies(rules, own_host.as_deref()));
    risks.extend(groups_without_scope(rules, scopes));
    risks
}

/// How many rules and hosts there are.
pub fn size(rules: &Rules) -> String {
    let mut hosts: Vec<String> = rules
        .all()
        .iter()
        .flat_map(|rule| &rule.hosts)
        .map(ToString::to_string)
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    format!("rules {}, hosts {}", rules.all().len(), hosts.len())
}

fn lets_everybody_in_everywhere(rule: &Rule) -> bool {
    rule.allow == Allow::Public
        && (rule.paths.is_empty() || rule.paths.iter().any(|path| path.fits_all()))
        && rule.methods.is_empty()
        && (rule.networks.is_empty() || rule.networks.iter().any(|it| it.prefix_len() == 0))
}

/// A path that `rule` guards alone, and the other rule that lets people in where it ends with a slash.
fn exact_guard<'r>(rules: &'r Rules, rule: &'r Rule) -> Option<(&'r str, &'r Rule)> {
    let is_guard = |path: &&PathPattern| path.is_exact() && !path.text().ends_with('/');
    let guards = rule.paths.iter().filter(is_guard);
    let host = rule.hosts.first()?.to_string().replace('*', "any");
    let method = rule.methods.first().map_or("GET", |method| method);
    let mut guards = guards.filter(|_| rule.allow != Allow::Public);
    guards.find_map(|path| {
        let url = format!("https://{host}{}/", path.text().replace('*', "any"));
        let request = OriginalRequest::of_url(method, &url).ok()?;
        match rules.select(&request, None) {
            Selected::Rule(other) if other.allow != Allow::Nobody && !std::ptr::eq(other, rule) => {
                Some((path.text(), other))
            }
            _ => None,
        }
    })
}

/// `PUBLIC_URL`'s host as rules write it.
fn own_host(public_url: &PublicUrl) -> Option<String> {
    let scheme = match public_url.is_https() {
        true => Scheme::Https,
        false => Scheme::Http,
    };
    let (_, host) = public_url.origin().split_once("://")?;
    Host::parse(host, scheme).map(|host| host.as_str().to_owned())
}

/// Browsers send the cookies of a host to each of its ports (RFC 6265, 8.5), so an app there gets what opens another one.
fn shared_cookies(rules: &Rules, own_host: Option<&str>) -> Vec<Risk> {
    const FIX: &str = "give each app a name of its own";
    let mut risks = Vec::new();
    let mut hosts: HashMap<&str, &str> = HashMap::new();
    for rule in rules.all() {
        let at = format!("line {}: \"{}\"", rule.line, rule.name);
        for pattern in &rule.hosts {
            let HostPattern::Host(host) = pattern else {
                continue;
            };
            let name = without_port(host);
            if own_host.is_some_and(|own| own != host && without_port(own) == name) {
                risks.push(Risk {
                    message: format!(
                        "{at} is for {host}, the name of PUBLIC_URL at another port: browsers send Doorward's session cookie \
                         there, too"
                    ),
                    fix: FIX,
                });
            }
            match hosts.insert(name, host) {
                Some(other) if other != host => risks.push(Risk {
                    message: format!(
                        "{at} is for {host}, and browsers send cookies of {other} there, too: each of the apps can enter \
                         the other one as its visitors"
                    ),
                    fix: FIX,
                }),
                _ => (),
            }
        }
    }
    risks
}

/// The colons of an address stand in brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    }
}

/// Many providers send groups only if a scope asks for them, and no standard one does.
fn groups_without_scope(rules: &Rules, scopes: &str) -> Option<Risk> {
    let names_groups = |rule: &&Rule| match &rule.allow {
        Allow::People(people) => !people.groups.is_empty(),
        Allow::Public | Allow::SignedIn | Allow::Nobody => false,
    };
    let first = rules.all().iter().find(names_groups)?;
    let mut scopes_in_use = scopes.split_ascii_whitespace();
    scopes_in_use
        .all(|scope| STANDARD_SCOPES.contains(&scope))
        .then(|| Risk {
            message: format!(
                "line {}: \"{}\" names groups, and OIDC_SCOPES ({scopes}) has no scope that brings them",
                first.line, first.name
            ),
            fix: "add the provider's scope for groups, often called groups, or see that the provider sends them without \
                  one: `doorward users show PERSON` shows a person's groups",
        })
}

fn hosts(hosts: &[impl ToString]) -> String {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    hosts.join(", ")
}
