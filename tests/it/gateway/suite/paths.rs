//! Paths that one reads in this way and another in that.

use doorward::gateway::path::{Target, ignoring_case, readings};

use crate::gateway::proxied::{Proxied, Proxy, status};

/// What each path leads to, as `tests/data/ambiguous_paths.txt` says; and no path opens what another reading of it would not.
pub async fn a_path_that_can_be_read_in_two_ways_opens_nothing(proxy: Proxy) {
    let proxied = Proxied::start(proxy);
    let mut faults = Vec::new();
    let lines = include_str!("../../../data/ambiguous_paths.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let path = words.next().unwrap();
        let usual = words.next().unwrap();
        let own = format!("{}=", proxy.name());
        let own = words.find_map(|word| word.strip_prefix(&own));
        let response = proxied.get(path, "Accept: text/html\r\n");
        let found = outcome(&response);
        if found != own.unwrap_or(usual) {
            let line = response.lines().next().unwrap_or_default();
            faults.push(format!("{path}: {found}: {line}"));
        }
        // A script is told the same.
        if found == "ambiguous" && status(&proxied.get(path, "")) != 403 {
            faults.push(format!("{path}: not for scripts"));
        }
        if found == "public" && !is_public_in_every_way(seen_path(&response)) {
            faults.push(format!(
                "{path}: open, and not only to public readings: {response}"
            ));
        }
    }
    assert!(faults.is_empty(), "{proxy:?}:\n{}", faults.join("\n"));
}

fn outcome(response: &str) -> &'static str {
    match status(response) {
        200 if response.contains("id=\"seen\"") => "public",
        303 if response.contains("/handover?request=") => "sign-in",
        // To a path with dot segments nobody is sent back.
        401 if response.contains("/login?return_to=") => "sign-in",
        303 if response.contains("/refused?why=") => "ambiguous",
        400 | 403 => "rejected",
        _ => "something else",
    }
}

/// The path that the app was asked for, in lower case.
fn seen_path(response: &str) -> &str {
    let (_, head) = response.split_once("id=\"seen\">").unwrap();
    head.split(' ').nth(1).unwrap()
}

fn is_public_in_every_way(target: &str) -> bool {
    let target = Target::parse(target.as_bytes()).unwrap();
    let readings = readings(&target.path).unwrap();
    readings.iter().all(|reading| {
        let reading = ignoring_case(reading);
        reading == b"/public" || reading.starts_with(b"/public/")
    })
}
