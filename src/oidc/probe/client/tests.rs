//! What follows from the authorization endpoint's response.

use super::*;

fn judged(status: u16, location: Option<&str>, body: &str) -> Acceptance {
    let header = |name| location.filter(|_| name == "location");
    let response = Response::read(status, header, body.as_bytes().to_vec());
    let asked = Url::parse("https://op.example/authorize?x=y").unwrap();
    let redirect_uri = Url::parse("https://app.example/authorization-code/callback").unwrap();
    judge(&response, &asked, &redirect_uri, "s")
}

#[test]
fn only_a_way_back_to_us_means_accepted() {
    const BACK: &str = "https://app.example/authorization-code/callback";
    for query in [
        "error=login_required&state=s",
        "state=s&error=interaction_required",
        "code=c&state=s",
    ] {
        let acceptance = judged(302, Some(&format!("{BACK}?{query}")), "");
        assert_eq!(acceptance, Acceptance::Accepted, "{query}");
    }
    let but = judged(
        303,
        Some(&format!("{BACK}?error=invalid_scope&state=s")),
        "",
    );
    assert_eq!(
        but,
        Acceptance::AcceptedBut(AuthorizationError::InvalidScope)
    );
    for elsewhere in [
        format!("{BACK}?error=login_required"),
        format!("{BACK}?error=login_required&state=other"),
        format!("{BACK}?error=login_required&state=s&state=s"),
        format!("{BACK}?state=s"),
        format!("{BACK}/more?error=login_required&state=s"),
        "http://app.example/authorization-code/callback?error=login_required&state=s".to_owned(),
        "https://app.example.evil/authorization-code/callback?error=login_required&state=s"
            .to_owned(),
        "/authorization-code/callback?error=login_required&state=s".to_owned(),
        "/login".to_owned(),
        "https://".to_owned(),
    ] {
        let acceptance = judged(302, Some(&elsewhere), "");
        assert!(
            matches!(acceptance, Acceptance::CannotTell(_)),
            "{elsewhere}: {acceptance:?}"
        );
    }
}

#[test]
fn only_a_bad_request_means_refused() {
    let page_names = vec!["redirect_uri"];
    let page = "<p>The 'redirect_uri' parameter must be a Login redirect URI</p>";
    assert_eq!(judged(400, None, page), Acceptance::Refused { page_names });
    let page_names = Vec::new();
    assert_eq!(judged(400, None, "no"), Acceptance::Refused { page_names });
    for status in [200, 204, 302, 401, 403, 404, 429, 500, 503] {
        let acceptance = judged(status, None, "client_id");
        assert!(
            matches!(acceptance, Acceptance::CannotTell(_)),
            "{status}: {acceptance:?}"
        );
    }
}
