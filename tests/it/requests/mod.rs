//! Requests that no page of ours makes: where they lead, what they are answered, and what every answer carries.

mod cookies;
mod headers;
mod pages;
mod return_to;
mod routes;
mod sign_out;

use crate::support::visitor::Answer;

const HTTPS: &str = "https://app.example.com";

const UNREADABLE: &str = "Your browser sent something that we can't read.";

async fn refused(answer: Answer, status: u16, sentence: &str) {
    assert_eq!(answer.refusal(), (status, sentence.to_owned()));
}

/// The headers of every response.
fn has_security_headers(answer: &Answer, https: bool) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "style-src 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    for loose in ["unsafe-inline", "unsafe-eval", "script-src", " *", "data:"] {
        assert!(!policy.contains(loose), "{policy}");
    }
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    // An error page can be at an address that holds a code: its style sheet's request must not tell.
    let referrer_policy = match answer.status {
        400.. => "no-referrer",
        _ => "same-origin",
    };
    assert_eq!(answer.header("referrer-policy"), Some(referrer_policy));
    assert_eq!(
        answer.header("cross-origin-opener-policy"),
        Some("same-origin")
    );
    assert_eq!(
        answer.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
    let permissions = answer.header("permissions-policy").unwrap_or_default();
    for feature in ["camera", "geolocation", "microphone", "payment", "usb"] {
        assert!(
            permissions.contains(&format!("{feature}=()")),
            "{permissions}"
        );
    }
    assert_eq!(
        answer.header("strict-transport-security"),
        https.then_some("max-age=31536000")
    );
    assert_eq!(answer.header("server"), None);
    assert_eq!(answer.header("x-powered-by"), None);
}
