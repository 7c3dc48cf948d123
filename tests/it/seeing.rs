//! What ops see of a request: its id, its log lines.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::process::{Process, free_addr, get};
use crate::support::{TestApp, log};

#[actix_web::test]
async fn every_answer_bears_the_id_of_its_request_and_so_do_its_log_lines() {
    let app = TestApp::spawn();
    let visitor = app.visitor();
    let mut ids = BTreeMap::new();
    for path in [
        "/",
        "/login",
        "/profile",
        "/nowhere",
        "/authorization-code/callback",
    ] {
        let answer = visitor.get(path).await;
        let id = answer.header("x-request-id").expect("an id").to_owned();
        let access = log::lines_with(&format!("doorward::access [{id}]: 127.0.0.1 GET {path} "));
        assert_eq!(access.len(), 1, "{path}: {access:?}");
        ids.insert(id, path);
    }
    assert_eq!(ids.len(), 5, "each its own: {ids:?}");
}

#[actix_web::test]
async fn every_error_page_names_the_id_as_its_reference() {
    let app = TestApp::spawn();
    for path in ["/nowhere", "/authorization-code/callback"] {
        let page = app.visitor().get(path).await;
        assert_eq!(
            page.text("error-reference").as_deref(),
            page.header("x-request-id"),
            "{path}"
        );
    }
}

/// Anybody could fill the log with names of their own.
#[actix_web::test]
async fn a_strangers_id_is_not_taken_over() {
    let app = TestApp::spawn();
    let method = awc::http::Method::GET;
    let headers = [("x-request-id", "forged"), ("traceparent", TRACEPARENT)];
    let answer = app.visitor().send(method, "/", &headers, "").await;
    let id = answer.header("x-request-id").unwrap();
    assert!(id.len() == 12 && id != "forged", "{id}");
}

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn objects(printed: &str) -> Vec<Value> {
    let parsed = printed.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|cause| panic!("{cause}: {line}"))
    });
    parsed.collect()
}

#[test]
fn with_log_format_json_each_line_is_an_object_whatever_is_asked_for() {
    let addr = free_addr();
    let mut doorward =
        Process::doorward(addr, &[("LOG_FORMAT", "json"), ("DATABASE_URL", "json.db")]);
    doorward.answers(addr);
    let hostile = "/%0A%22%7D%1b?code=c0de-never-logged";
    let answer = get(addr, hostile).expect("an answer");
    let id = answer
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "))
        .unwrap_or_else(|| panic!("{answer}"));
    let login = get(addr, "/login").expect("an answer");
    assert!(login.starts_with("HTTP/1.1 502"), "{login}");
    doorward.says("/login");

    let lines = objects(&doorward.printed());
    for line in &lines {
        for name in ["time", "level", "target", "message"] {
            assert!(line[name].is_string(), "{line}");
        }
        let time = line["time"].as_str().unwrap();
        let rfc3339 = time::format_description::well_known::Rfc3339;
        assert!(
            time::OffsetDateTime::parse(time, &rfc3339).is_ok(),
            "{time}"
        );
    }
    let of = |id: &str| {
        lines
            .iter()
            .filter(move |line| line["request_id"] == id)
            .collect::<Vec<_>>()
    };
    let access = of(id)[0];
    assert_eq!(access["target"], "doorward::access");
    assert_eq!(access["method"], "GET");
    assert_eq!(access["path"], "/%0A%22%7D%1b");
    assert_eq!(access["status"], 404);
    assert_eq!(access["address"], "127.0.0.1");
    assert!(access["duration_ms"].is_f64(), "{access}");
    assert!(!doorward.printed().contains("never-logged"));
}
