//! What is logged and counted of a request to end sessions, and decisions that the answer does not show.

use serde_json::json;

use super::{
    log_out, logout_claims, post, revocation_claims, revocation_token, signed_as, signed_in_with,
    universal,
};
use crate::support::process::{Process, free_addr, get, provider_for};
use crate::support::provider::demo_people;
use crate::support::{Answer, Database, TestApp, Visitor, log};

/// The only warning or line of information that ends like this among the lines of a request.
fn assert_logged(answer: &Answer, level: &str, end: &str) {
    let id = format!("[{}]", answer.header("x-request-id").unwrap());
    let lines = Vec::from_iter(log::all().into_iter().filter(|line| line.contains(&id)));
    let found = lines.iter().filter(|line| line.ends_with(end));
    let levels = Vec::from_iter(found.map(|line| line.starts_with(level)));
    assert_eq!(levels, [true], "{level} {end}: {lines:#?}");
}

#[actix_web::test]
async fn the_log_says_what_came_of_each_request() {
    let app = TestApp::spawn();
    signed_in_with(&app, "ada", "s1").await;
    signed_in_with(&app, "grace", "s2").await;
    for (named, level, outcome) in [
        (
            json!({"sub": "00uada", "sid": "s2"}),
            "WARN",
            "of \"00uada\" by their sid: the session of that sid is another person's, so nothing has ended",
        ),
        (
            json!({"sub": "nobody"}),
            "INFO",
            "of \"nobody\": nobody here is called so",
        ),
        (json!({"sid": "s2"}), "INFO", "by their sid: 1"),
        (json!({"sub": "00uada"}), "INFO", "of \"00uada\": 1"),
        (json!({"sub": "00uada"}), "INFO", "of \"00uada\": 0"),
    ] {
        let answer = log_out(&app, named).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let line = format!(": the provider ended sessions {outcome}");
        assert_logged(&answer, level, &line);
    }
    let refused = log_out(&app, json!({"sub": "00uada", "aud": "other"})).await;
    assert_logged(
        &refused,
        "WARN",
        ": a logout request (back_channel) was refused: its aud is \"other\", which does not name OIDC_CLIENT_ID",
    );
}

/// Another person's `sid` is not recorded as ended: nobody's sign-in is void.
#[actix_web::test]
async fn a_logout_token_with_anothers_sid_leaves_nothing_behind() {
    let app = TestApp::spawn();
    signed_in_with(&app, "ada", "s1").await;
    signed_in_with(&app, "grace", "s2").await;
    let named = json!({"sub": "00uada", "sid": "s2"});
    assert_eq!(log_out(&app, named).await.status, 200);
    let ended = "SELECT COUNT(*) AS n FROM ended_sids";
    assert_eq!(app.storage().number(ended), 0);
    assert_eq!(app.storage().sessions(), 2);
}

/// It would be accepted then if it had not come before.
#[actix_web::test]
async fn a_logout_token_is_not_accepted_again_in_the_minute_after_its_expiry() {
    let app = TestApp::spawn();
    let [one, two] = ["00uada", "nobody"].map(|sub| {
        let claims = logout_claims(&app, json!({"sub": sub}));
        format!("logout_token={}", app.provider.sign_id_token(&claims))
    });
    assert_eq!(post(&app, &one).await.status, 200);
    let ada = app.signed_in("ada").await;
    app.clock.shift(time::Duration::seconds(120 + 50));
    let again = post(&app, &one).await;
    assert_eq!(again.status, 400, "{again:?}");
    assert_logged(&again, "WARN", "was refused: its jti came before");
    assert!(ada.is_signed_in().await);
    assert_eq!(post(&app, &two).await.status, 200);
}

/// A logout token and a revocation token may have the same `jti`.
#[actix_web::test]
async fn each_kind_of_token_has_its_own_identifiers() {
    let app = TestApp::spawn();
    let body = json!({"sub_id": {"format": "email", "email": "a@example.com"}}).to_string();
    let claims = json!({"sub": "nobody", "jti": "the same"});
    assert_eq!(log_out(&app, claims).await.status, 200);
    let token = revocation_token(&app, json!({"jti": "the same"}));
    assert_eq!(universal(&app, Some(&token), &body).await.status, 404);
    assert_eq!(universal(&app, Some(&token), &body).await.status, 401);
}

/// A logout token may say that it is one. A revocation token must.
#[actix_web::test]
async fn what_a_token_says_that_it_is_counts() {
    let app = TestApp::spawn();
    for (typ, of_logout, of_revocation) in [
        ("JWT", 200, 401),
        ("logout+jwt", 200, 401),
        ("Application/Logout+JWT", 200, 401),
        ("global-token-revocation+jwt", 400, 404),
    ] {
        let token = signed_as(&app, typ, &logout_claims(&app, json!({"sub": "nobody"})));
        let answer = post(&app, &format!("logout_token={token}")).await;
        assert_eq!(answer.status, of_logout, "{typ}");
        let claims = revocation_claims(&app, json!({}));
        let token = signed_as(&app, typ, &claims);
        let body = json!({"sub_id": {"format": "email", "email": "a@example.com"}}).to_string();
        let answer = universal(&app, Some(&token), &body).await;
        assert_eq!(answer.status, of_revocation, "{typ}");
    }
}

#[actix_web::test]
async fn a_revocation_comes_as_json_and_its_token_is_not_used_up_by_another_media_type() {
    let app = TestApp::spawn();
    let ada = app.signed_in("ada").await;
    let bearer = format!("Bearer {}", revocation_token(&app, json!({})));
    let body = json!({"sub_id": {"format": "email", "email": "ada@example.com"}}).to_string();
    for (media_type, status) in [
        ("text/plain", 400),
        ("application/x-www-form-urlencoded", 400),
        ("application/json5", 400),
        ("Application/JSON; charset=utf-8", 204),
    ] {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", media_type),
        ];
        let stranger = Visitor::new(&app.url);
        let method = awc::http::Method::POST;
        let answer = stranger.send(method, "/universal-logout", &headers, &body);
        assert_eq!(answer.await.status, status, "{media_type}");
        assert_eq!(ada.is_signed_in().await, status == 400, "{media_type}");
    }
}

/// No stranger fills the database. How many those of many networks may be is in `Allowance`.
#[actix_web::test]
async fn of_the_refusals_of_one_network_ten_a_minute_are_kept_and_the_others_are_counted() {
    let app = TestApp::spawn_with(Database::Sqlite, &[("RATE_LIMIT", "0")]);
    // At the beginning of a minute, so that it does not end meanwhile.
    let second = i64::from(app.clock.now().second());
    app.clock.shift(time::Duration::seconds(60 - second));
    let events = |event: &str| {
        let events = format!("SELECT COUNT(*) AS n FROM audit_events WHERE event = '{event}'");
        app.storage().number(&events)
    };
    for nth in 0..15 {
        let answer = match nth % 2 {
            0 => post(&app, "logout_token=a.b.c").await.status,
            _ => universal(&app, Some("a.b.c"), "").await.status,
        };
        assert_eq!(answer, if nth % 2 == 0 { 400 } else { 401 });
    }
    assert_eq!(events("logout_refused"), 10);
    app.clock.shift(time::Duration::MINUTE);
    assert_eq!(post(&app, "logout_token=a.b.c").await.status, 400);
    assert_eq!(events("logout_refused"), 11);
    let dropped = "SELECT CAST(occurrences AS BIGINT) AS n FROM audit_events \
                   WHERE event = 'events_dropped' AND reason = 'logout_refused'";
    assert_eq!(app.storage().number(dropped), 5);
}

/// In a process of its own, whose metrics nobody else changes.
#[actix_web::test]
async fn each_request_is_counted_by_its_channel_and_outcome() {
    let (addr, metrics) = (free_addr(), free_addr());
    let url = format!("http://{addr}");
    let provider = provider_for(&url, demo_people());
    let mut process = Process::doorward(
        addr,
        &[
            ("OIDC_ISSUER", &provider.issuer()),
            ("PUBLIC_URL", &url),
            ("DATABASE_URL", "counted.db"),
            ("METRICS_ADDR", &metrics.to_string()),
            ("OIDC_FRONTCHANNEL_LOGOUT", "true"),
        ],
    );
    process.answers(addr);
    let count = |series: &str| {
        let answer = get(metrics, "/metrics").unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix(series));
        let line = line.unwrap_or_else(|| panic!("no {series} in {answer}"));
        line.trim().parse::<f64>().unwrap()
    };
    let requests = |channel: &str, outcome: &str| {
        count(&format!(
            "doorward_logout_requests_total{{channel=\"{channel}\",outcome=\"{outcome}\"}}"
        ))
    };
    let all =
        |channel: &str| ["accepted", "refused", "failed"].map(|outcome| requests(channel, outcome));
    let ada = Visitor::new(&url);
    assert_eq!(ada.sign_in("ada").await.status, 303);
    let stranger = Visitor::new(&url);
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let claims = json!({
        "iss": provider.issuer(), "aud": crate::support::app::CLIENT_ID, "iat": now, "exp": now + 120, "jti": "j",
        "events": {super::EVENT: {}}, "sub": "00uada",
    });
    let form = format!("logout_token={}", provider.sign_id_token(&claims));
    // The provider's keys are away, for a token that needs newer ones.
    provider.faults(|faults| {
        let gone = crate::support::provider::Canned::html(500, "");
        faults
            .canned
            .insert(crate::support::provider::Endpoint::Keys, gone);
    });
    let unknown = "logout_token=eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.c2ln";
    assert_eq!(
        stranger.post("/backchannel-logout", unknown).await.status,
        400
    );
    assert_eq!(all("back_channel"), [0.0, 0.0, 1.0]);
    assert_eq!(
        stranger.post("/backchannel-logout", unknown).await.status,
        400
    );
    assert_eq!(all("back_channel"), [0.0, 1.0, 1.0]);
    assert_eq!(
        stranger.post("/backchannel-logout", &form).await.status,
        200
    );
    assert_eq!(all("back_channel"), [1.0, 1.0, 1.0]);
    assert_eq!(
        count("doorward_sessions_revoked_total{reason=\"back_channel\"}"),
        1.0
    );
    assert_eq!(stranger.post("/universal-logout", "x=y").await.status, 401);
    assert_eq!(all("universal_logout"), [0.0, 1.0, 0.0]);
    assert_eq!(stranger.get("/frontchannel-logout?sid=a").await.status, 200);
    assert_eq!(stranger.get("/frontchannel-logout").await.status, 200);
    assert_eq!(all("front_channel"), [1.0, 1.0, 0.0]);
}
