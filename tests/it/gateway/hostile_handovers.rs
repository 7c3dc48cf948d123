//! Requests, codes and cookies of handovers that are forged, swapped, replayed or late: each with its status and its reason.
//! None sets a cookie, and none leads to a host that no rule names.

use super::support::{Browser, Gateway, NAVIGATION};
use crate::support::{Answer, Database, log};

/// The wiki is there twice: cookies take no notice of ports.
const RULES: &str = r#"
[[rule]]
name = "wiki"
hosts = ["wiki.test", "wiki.test:8443", "metrics.test"]
allow = "signed-in"
"#;

fn start() -> Gateway {
    Gateway::start_with(Database::Sqlite, RULES, &[])
}

/// The reason in the log line of a check.
fn reason(answer: &Answer) -> String {
    let id = answer.header("x-request-id").unwrap();
    let lines = log::lines_with(&format!("doorward::gateway [{id}]"));
    let (_, rest) = lines[0].split_once(" reason=").unwrap_or(("", ""));
    rest.split(' ').next().unwrap_or_default().to_owned()
}

/// Where a handover of `browser` to `host` arrives, with its code.
async fn code_for(browser: &Browser<'_>, host: &str) -> String {
    let url = format!("http://{host}/");
    let handover = browser.open(&url).await.location().to_owned();
    let code = browser.at_doorward.get(&handover).await;
    code.location().to_owned()
}

fn value_of(url: &str) -> String {
    url.rsplit_once('=').unwrap().1.to_owned()
}

#[actix_web::test]
async fn no_hostile_cookie_is_an_apps_session() {
    let gateway = start();
    let ada = Browser::new(&gateway);
    ada.follow("http://wiki.test/", "ada").await;
    let own = ada.cookie("wiki.test", "doorward-app");
    let pending = Browser::new(&gateway);
    let request = value_of(pending.open("http://wiki.test/").await.location());
    let pending = pending.cookie("wiki.test", "doorward-pending-0");
    let code = value_of(&code_for(&ada, "metrics.test").await);
    let ended = Browser::new(&gateway);
    ended.follow("http://wiki.test/", "grace").await;
    ended.at_doorward.post("/logout", "").await;
    let ended = ended.cookie("wiki.test", "doorward-app");
    let at_doorward = ada.at_doorward.app_cookies();
    let own_session = at_doorward
        .iter()
        .find(|(name, _)| name.starts_with("doorward"));
    let flipped = format!(
        "{}{}",
        if own.starts_with('A') { 'B' } else { 'A' },
        &own[1..]
    );
    let eve = Browser::new(&gateway);
    for (case, host, value) in [
        ("empty", "wiki.test", ""),
        ("made up", "wiki.test", "AAAA"),
        ("endless", "wiki.test", &*"A".repeat(4000)),
        ("no base64", "wiki.test", "%00/../=="),
        ("cut", "wiki.test", &own[1..]),
        ("longer", "wiki.test", &*format!("{own}A")),
        ("another byte", "wiki.test", &flipped),
        ("of another host", "metrics.test", &own),
        ("of another port", "wiki.test:8443", &own),
        ("a request", "wiki.test", &request),
        ("a code", "metrics.test", &code),
        ("a pending handover", "wiki.test", &pending),
        ("a session at Doorward", "wiki.test", own_session.unwrap().1),
        ("of a session that ended", "wiki.test", &ended),
    ] {
        for name in ["doorward-app", "doorward-app.8443", "__Host-doorward-app"] {
            let cookie = format!("{name}={value}");
            let url = format!("http://{host}/");
            let script = eve.ask("GET", &url, &[("cookie", &cookie)]).await;
            assert_eq!(
                (script.status, script.cookies().len()),
                (401, 0),
                "{case} {name}"
            );
            let headers = [&NAVIGATION[..], &[("cookie", &*cookie)]].concat();
            let tab = Browser::new(&gateway).ask("GET", &url, &headers).await;
            let handover = format!("{}/handover?request=", gateway.app.url);
            assert!(
                tab.location().starts_with(&handover),
                "{case} {name}: {tab:?}"
            );
            assert!(
                tab.cookies()
                    .iter()
                    .all(|it| it.starts_with("doorward-pending-0")),
                "{tab:?}"
            );
        }
    }
    // The test would see one that opens.
    let headers = [("cookie", &*format!("doorward-app={own}"))];
    assert_eq!(
        eve.ask("GET", "http://wiki.test/", &headers).await.status,
        200
    );
}

#[actix_web::test]
async fn no_hostile_code_opens_anything() {
    let gateway = start();
    for (case, expected) in [
        ("empty", "code_forged"),
        ("made up", "code_forged"),
        ("endless", "code_forged"),
        ("cut", "code_forged"),
        ("longer", "code_forged"),
        ("of another host", "code_forged"),
        ("of another port", "code_forged"),
        ("a request", "code_forged"),
        ("a pending handover", "code_forged"),
        ("twice in one query", "code_forged"),
        ("with another", "code_forged"),
        ("replayed", "code_used"),
        ("of another browser", "code_other_browser"),
        ("expired", "code_expired"),
        ("of a session that ended", "code_no_session"),
    ] {
        let ada = Browser::new(&gateway);
        ada.at_doorward.sign_in("ada").await;
        let host = match case {
            "of another host" => "metrics.test",
            "of another port" => "wiki.test:8443",
            _ => "wiki.test",
        };
        let request = value_of(ada.open("http://wiki.test/").await.location());
        let pending = ada.cookie("wiki.test", "doorward-pending-0");
        let code = value_of(&code_for(&ada, host).await);
        let at = |code: &str| format!("http://wiki.test/a?_doorward={code}");
        // The first time, the handover begins anew.
        let once_more = match case {
            "of a session that ended" => {
                ada.at_doorward.post("/logout", "").await;
                let handover = ada.open(&at(&code)).await.location().to_owned();
                ada.at_doorward.sign_in("ada").await;
                let code = ada.at_doorward.get(&handover).await;
                Some(code.location().to_owned())
            }
            _ => None,
        };
        let url = match case {
            _ if once_more.is_some() => once_more.unwrap_or_default(),
            "empty" => at(""),
            "made up" => at("AAAA"),
            "endless" => at(&"A".repeat(4000)),
            "cut" => at(&code[1..]),
            "longer" => at(&format!("{code}A")),
            "a request" => at(&request),
            "a pending handover" => at(&pending),
            "twice in one query" => at(&format!("{code}&_doorward={code}")),
            "with another" => at(&format!("x&_doorward={code}")),
            _ => at(&code),
        };
        match case {
            "replayed" => {
                ada.open(&url).await;
                ada.cookies.borrow_mut().clear();
            }
            "of another browser" => ada.cookies.borrow_mut().clear(),
            "expired" => {
                gateway.app.clock.shift(time::Duration::seconds(61));
                ada.cookies.borrow_mut().clear();
            }
            "of a session that ended" => drop(ada.at_doorward.post("/logout", "").await),
            _ => (),
        }
        let script = ada
            .ask("GET", "http://wiki.test/a?_doorward=AAAA", &[])
            .await;
        assert_eq!(
            (script.status, script.header("location")),
            (403, None),
            "{case}"
        );
        let tab = ada.open(&url).await;
        assert!(tab.cookies().is_empty(), "{case}: {tab:?}");
        assert_eq!(reason(&tab), expected, "{case}: {tab:?}");
        if ["twice in one query", "with another"].contains(&case) {
            assert_eq!((tab.status, tab.header("location")), (403, None), "{case}");
        } else {
            let refused = format!("{}/refused?why=", gateway.app.url);
            assert!(tab.location().starts_with(&refused), "{case}: {tab:?}");
            let page = ada.at_doorward.get(tab.location()).await;
            assert_eq!(page.status, 403, "{case}");
            assert!(page.has("refused-action"), "{case}: {}", page.body);
        }
        // And afterwards nobody is signed in there.
        assert_eq!(
            ada.ask("GET", "http://wiki.test/", &[]).await.status,
            401,
            "{case}"
        );
    }
}

#[actix_web::test]
async fn no_hostile_request_leads_anywhere() {
    let gateway = start();
    let ada = Browser::new(&gateway);
    ada.follow("http://wiki.test/", "ada").await;
    let own = ada.cookie("wiki.test", "doorward-app");
    let fresh = Browser::new(&gateway);
    let request = value_of(fresh.open("http://wiki.test/").await.location());
    let pending = fresh.cookie("wiki.test", "doorward-pending-0");
    let code = value_of(&code_for(&ada, "metrics.test").await);
    for hostile in [
        "",
        "AAAA",
        "http%3A%2F%2Fevil.test%2F",
        &request[1..],
        &format!("{request}A"),
        &format!("{request}&request={request}"),
        &pending,
        &code,
        &own,
    ] {
        for path in ["/handover?request=", "/refused?why="] {
            let page = ada.at_doorward.get(&format!("{path}{hostile}")).await;
            assert_eq!(
                (page.status, page.header("location")),
                (400, None),
                "{path}{hostile}"
            );
        }
    }
    // One that is late begins anew at the app, without a code.
    gateway.app.clock.shift(time::Duration::minutes(11));
    let late = ada
        .at_doorward
        .get(&format!("/handover?request={request}"))
        .await;
    assert_eq!(
        (late.location(), late.cookies().len()),
        ("http://wiki.test/", 0)
    );
}
