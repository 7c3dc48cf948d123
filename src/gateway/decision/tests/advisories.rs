use super::*;

/// oauth2-proxy: a rule that lets somebody in says nothing as long as nobody is kept out.
#[test]
fn ghsa_652x_each_allow_key_also_refuses() {
    let staff = ["staff".to_owned()];
    let fits = Visitor {
        groups: &staff,
        ..ada()
    };
    let other = ["stafff".to_owned()];
    let does_not = Visitor {
        subject: "ADA",
        email: Some("ada@example.com.evil.test"),
        groups: &other,
        acr: Some("phrh"),
        auth_time: Some(NOW - time::Duration::hours(2)),
        ..ada()
    };
    for (key, lets_in) in [
        ("emails = ['ada@example.com']", true),
        ("email_domains = ['example.com']", true),
        ("groups = ['staff']", true),
        ("subjects = ['ada']", true),
        ("allow = 'signed-in'\nmax_age = '1h'", true),
        ("allow = 'signed-in'\nacr = ['phr']", true),
        ("allow = 'nobody'", false),
    ] {
        let text = format!("[[rule]]\nname = 'it'\nhosts = ['app.example.com']\n{key}\n");
        let rules = Rules::parse(&text).unwrap();
        let enters = |visitor| {
            let request = request("GET", "/");
            let headers = Pairs(&NAVIGATION);
            let decision = decide(
                &rules,
                &request,
                &headers,
                None,
                visitor,
                UserName::Subject,
                NOW,
            );
            matches!(decision, Decision::Allowed(_))
        };
        assert_eq!(enters(Some(&fits)), lets_in, "{key}");
        assert!(!enters(Some(&does_not)), "{key}");
        assert!(!enters(None), "{key}");
    }
}
