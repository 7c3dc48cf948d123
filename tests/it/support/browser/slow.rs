//! The browser of the tests, by itself.

use super::*;
use actix_web::{App, HttpResponse, HttpServer, web};

const PAGE: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
    <meta name="viewport" content="width=device-width">
    <style>#dark { display: none } @media (prefers-color-scheme: dark) { #dark { display: block } }</style></head>
    <body><h1>Hello</h1><p id="dark">It is dark</p><p id="scripts">off</p><a href="/second">On</a>
    <img src="http://elsewhere.test/pixel.png" alt=""><form method="post" action="/second"><button>Go</button></form>
    <script>document.getElementById("scripts").textContent = "on"</script></body></html>"#;

/// The first page allows scripts, the second none.
fn serve() -> String {
    let page = |csp: &'static str| {
        move || async move {
            let header = ("Content-Security-Policy", csp);
            HttpResponse::Ok()
                .content_type("text/html")
                .insert_header(header)
                .body(PAGE)
        }
    };
    let app = move || {
        App::new()
            .route("/", web::get().to(page("script-src 'unsafe-inline'")))
            .route("/second", web::route().to(page("script-src 'none'")))
            .route("/hop/{number}", web::get().to(hop))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .bind(("127.0.0.1", 0))
        .unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    address
}

#[actix_web::test]
async fn the_browser_goes_clicks_reads_and_tells_what_was_requested() {
    let home = serve();
    let browser = Browser::start(Look::DESKTOP).await;
    browser.goto(&home).await;
    assert_eq!(browser.title().await, "A page");
    assert_eq!(browser.text("#scripts").await, "on");
    assert_eq!(browser.evaluate("innerWidth").await, 1280);
    assert_eq!(browser.text("#dark").await, "");
    let requested = browser.requested_urls().await;
    assert_eq!(
        requested[..2],
        [
            format!("{home}/"),
            "http://elsewhere.test/pixel.png".to_owned()
        ]
    );

    browser.click("a").await;
    browser.wait_for_url(|url| url.path() == "/second").await;
    assert_eq!(browser.text("#scripts").await, "off");
    let errors = browser.console_errors().await;
    assert!(
        errors
            .iter()
            .any(|error| error.contains("script-src 'none'")),
        "{errors:?}"
    );

    browser.back().await;
    browser.wait_for_url(|url| url.path() == "/").await;
    browser.new_tab().await;
    browser.goto(&format!("{home}/second?tab")).await;
    browser.click("button").await;
    browser
        .wait_for_url(|url| url.path() == "/second" && url.query().is_none())
        .await;
    browser.reload().await;
    browser.switch_tab(0).await;
    assert_eq!(browser.url().await.path(), "/");
    let requested = browser.requested_urls().await;
    assert!(
        requested.contains(&format!("{home}/second?tab")),
        "{requested:?}"
    );
    assert!(!browser.exists("#no-such-thing").await);
}

#[actix_web::test]
async fn a_phone_in_the_dark_without_javascript() {
    let home = serve();
    let look = Look {
        javascript: false,
        dark: true,
        ..Look::PHONE
    };
    let browser = Browser::start(look).await;
    browser.goto(&home).await;
    browser.wait_for("h1").await;
    assert_eq!(browser.text("#scripts").await, "off");
    assert_eq!(browser.text("#dark").await, "It is dark");
    assert_eq!(browser.evaluate("innerWidth").await, 320);
    browser.click("a").await;
    browser.wait_for_url(|url| url.path() == "/second").await;
    browser.new_tab().await;
    browser.goto(&home).await;
    assert_eq!(browser.text("#scripts").await, "off");
    assert_eq!(browser.text("#dark").await, "It is dark");
    assert_eq!(browser.evaluate("innerWidth").await, 320);
    assert!(browser.source().await.contains("<h1>Hello</h1>"));
    let picture = browser._driver.folder().join("screenshot.png");
    browser.screenshot(&picture).await;
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    if let Some(folder) = std::env::var_os("SHOT") {
        std::fs::copy(&picture, folder).unwrap();
    }

    let folder = browser._driver.folder().to_owned();
    drop(browser);
    assert!(!folder.exists());
}

const HOPS: u32 = 60;

/// A page that leads to the next one at once, now by script, now by itself, and the last of them.
async fn hop(number: web::Path<u32>) -> HttpResponse {
    let number = number.into_inner();
    let next = format!("/hop/{}", number + 1);
    let lead = match number {
        HOPS.. => String::new(),
        _ if number.is_multiple_of(2) => format!("<script>location = '{next}'</script>"),
        _ => format!("<meta http-equiv='refresh' content='0;url={next}'>"),
    };
    let last = if number < HOPS { "" } else { "last" };
    let html =
        format!("<!doctype html><title>Hop</title>{lead}<h1 class='it {last}'>Hop {number}</h1>");
    HttpResponse::Ok().content_type("text/html").body(html)
}

/// No command fails because a page goes while it is at work.
#[actix_web::test]
async fn whatever_is_asked_while_pages_are_replaced_is_answered() {
    let home = serve();
    let browser = Browser::start(Look::DESKTOP).await;
    browser.goto(&home).await;
    let start = "setTimeout(() => { location = '/hop/0' }) > 0";
    browser.evaluate(start).await;
    while !browser.exists(".last").await {
        assert!(browser.text(".it").await.starts_with("Hop "));
        assert!(browser.source().await.contains("</h1>"));
        assert!(browser.url().await.path().starts_with("/hop/"));
        assert_eq!(browser.title().await, "Hop");
        assert_eq!(browser.evaluate("1 + 1").await, 2);
        assert_eq!(browser.cookies().await, "");
        browser.click(".it").await;
    }
    assert_eq!(browser.text(".last").await, format!("Hop {HOPS}"));
}
