//! What pages load, and the page while the database is away.

use awc::http::Method;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{has_security_headers, refused};
use crate::on_both;
use crate::support::TestApp;

const NO_DATABASE: &str =
    "Our database is not responding right now, so nothing could be looked up.";

on_both! {
    async fn a_database_that_is_away_is_a_page_that_says_so(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.storage().execute("ALTER TABLE sessions RENAME TO elsewhere");
        for path in ["/", "/profile", "/logout"] {
            let answer = ada.get(path).await;
            has_security_headers(&answer, false);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(!answer.body.contains("elsewhere") && !answer.body.contains("SELECT"));
            refused(answer, 503, NO_DATABASE).await;
        }
        let callback = app.visitor().get("/login").await;
        assert_eq!(callback.status, 303, "who has no session needs no database to set out");
        app.storage().execute("ALTER TABLE elsewhere RENAME TO sessions");
        assert!(ada.is_signed_in().await);
    }
}

/// RFC 6749 3.1.2.5, 10.13
/// RFC 9700 4.2.4 (a)
#[actix_web::test]
async fn pages_load_nothing_that_is_not_ours_and_run_nothing() {
    let app = TestApp::spawn();
    let ada = app.visitor();
    ada.sign_in("ada").await;
    let asks = ada
        .send(
            Method::GET,
            "/logout",
            &[("sec-fetch-site", "cross-site")],
            "",
        )
        .await;
    for page in [
        app.visitor().get("/").await,
        ada.get("/").await,
        ada.get("/profile").await,
        ada.get("/nothing").await,
        asks,
    ] {
        for no in [
            "<script",
            "javascript:",
            " style=",
            "<style",
            " onclick",
            " onload",
            "<iframe",
            "data:",
            "//fonts",
            "cdn",
        ] {
            assert!(!page.body.contains(no), "{no} in {}", page.body);
        }
        assert_eq!(page.body.matches("<h1").count(), 1);
    }
}

#[actix_web::test]
async fn the_style_sheet_is_kept_for_a_year_under_the_name_of_its_content() {
    let app = TestApp::spawn();
    let visitor = app.visitor();
    let home = visitor.get("/").await;
    let (_, rest) = home.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let href = rest.split('"').next().unwrap();
    let style = visitor.get(href).await;
    assert_eq!(style.status, 200);
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    assert_eq!(
        style.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(style.header("x-content-type-options"), Some("nosniff"));
    assert!(!style.body.contains("http") && !style.body.contains("@import"));

    let name = href.rsplit('/').next().unwrap();
    let hash = name
        .strip_prefix("style-")
        .and_then(|name| name.strip_suffix(".css"))
        .unwrap();
    let digest = digest::digest(&digest::SHA256, style.body.as_bytes());
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let base64 = URL_SAFE_NO_PAD.encode(digest);
    assert!(
        hash.len() >= 8 && (hex.starts_with(hash) || base64.starts_with(hash)),
        "{name}"
    );
    assert_eq!(visitor.get("/assets/style-00000000.css").await.status, 404);
}
