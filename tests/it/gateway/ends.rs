//! However a session ends, the apps that were opened with it are closed at each process, within `SESSION_CACHE`.

mod slow {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::super::support::{Browser, Gateway};
    use crate::ended_by_provider::{log_out, revocation_token, universal};
    use crate::own_sessions::{ids, page};
    use crate::support::process::{DOORWARD, Process};
    use crate::support::provider_faults::edit_claims;
    use crate::support::{Database, Visitor};

    const SESSION_CACHE: Duration = Duration::from_secs(2);

    const RULES: &str = r#"
[[rule]]
name = "apps"
hosts = ["wiki.test", "metrics.test"]
allow = "signed-in"
"#;

    const SETTINGS: [(&str, &str); 5] = [
        ("SESSION_CACHE", "2s"),
        ("SESSION_RECHECK", "15m"),
        ("OIDC_SCOPES", "openid profile email offline_access"),
        ("OIDC_FRONTCHANNEL_LOGOUT", "true"),
        // Away from what the clock is set forward by.
        ("SESSION_IDLE_TIMEOUT", "12h"),
    ];

    const SCRIPT: [(&str, &str); 1] = [("sec-fetch-mode", "cors")];

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum End {
        SignOut,
        SignInAgain,
        AnotherBrowser,
        OthersOfAnotherBrowser,
        AllOfAnotherBrowser,
        BackChannelBySid,
        BackChannelBySubject,
        FrontChannel,
        UniversalByEmail,
        UniversalBySubject,
        NotWelcome,
        RefreshRefused,
        SessionExpiry,
        IdleTimeout,
        Revoke,
        Block,
        Delete,
    }

    const ENDS: [End; 17] = [
        End::SignOut,
        End::SignInAgain,
        End::AnotherBrowser,
        End::OthersOfAnotherBrowser,
        End::AllOfAnotherBrowser,
        End::BackChannelBySid,
        End::BackChannelBySubject,
        End::FrontChannel,
        End::UniversalByEmail,
        End::UniversalBySubject,
        End::NotWelcome,
        End::RefreshRefused,
        End::SessionExpiry,
        End::IdleTimeout,
        End::Revoke,
        End::Block,
        End::Delete,
    ];

    /// Two processes, so to speak, on one database, and a browser that has both apps open at both.
    struct Opened<'g> {
        gateways: [&'g Gateway; 2],
        there: [Browser<'g>; 2],
        elsewhere: Visitor,
    }

    impl Opened<'_> {
        async fn end(&self, end: End) {
            let app = &self.gateways[0].app;
            let pass = |minutes| {
                for gateway in self.gateways {
                    gateway.app.clock.shift(time::Duration::minutes(minutes));
                }
            };
            let command = |command: &[&str]| {
                let variables = [("DATABASE_URL", app.storage().url.as_str())];
                let command = [command, &["ada@example.com"]].concat();
                let (code, printed) = Process::start(DOORWARD, &command, &variables).ends();
                assert_eq!(code, Some(0), "{printed}");
            };
            match end {
                End::SignOut => {
                    let out = self.there[0].at_doorward.post("/logout", "").await;
                    assert_eq!(out.status, 303, "{out:?}");
                }
                End::SignInAgain => {
                    let again = self.there[0].at_doorward.sign_in("ada").await;
                    assert_eq!(again.location(), "/profile");
                }
                End::AnotherBrowser => {
                    let form = format!("session={}", ids(&page(&self.elsewhere).await)[0]);
                    let ended = self.elsewhere.post("/sessions/end", &form).await;
                    assert_eq!(ended.status, 303, "{ended:?}");
                }
                End::OthersOfAnotherBrowser | End::AllOfAnotherBrowser => {
                    let path = match end {
                        End::AllOfAnotherBrowser => "/sessions/end-all",
                        _ => "/sessions/end-others",
                    };
                    assert_eq!(self.elsewhere.post(path, "").await.status, 303);
                }
                End::BackChannelBySid => {
                    assert_eq!(log_out(app, json!({"sid": "one"})).await.status, 200);
                }
                End::BackChannelBySubject => {
                    assert_eq!(log_out(app, json!({"sub": "00uada"})).await.status, 200);
                }
                End::FrontChannel => {
                    let frame = Visitor::new(&app.url);
                    let query = format!("iss={}&sid=one", app.provider.issuer());
                    let shown = frame.get(&format!("/frontchannel-logout?{query}")).await;
                    assert_eq!(shown.status, 200);
                }
                End::UniversalByEmail | End::UniversalBySubject => {
                    let sub_id = match end {
                        End::UniversalByEmail => {
                            json!({"format": "email", "email": "ADA@example.com"})
                        }
                        _ => {
                            json!({"format": "iss_sub", "iss": app.provider.issuer(), "sub": "00uada"})
                        }
                    };
                    let token = revocation_token(app, json!({}));
                    let body = json!({"sub_id": sub_id}).to_string();
                    assert_eq!(universal(app, Some(&token), &body).await.status, 204);
                }
                End::NotWelcome => {
                    app.provider.remove_person("ada");
                    pass(16);
                }
                End::RefreshRefused => {
                    app.provider.faults(|faults| {
                        faults.edit_refreshed_claims =
                            Some(Box::new(|claims| claims["sub"] = "00ugrace".into()));
                    });
                    pass(16);
                }
                End::SessionExpiry => pass(11),
                End::IdleTimeout => pass(12 * 60 + 1),
                End::Revoke => command(&["sessions", "revoke", "--user"]),
                End::Block => command(&["users", "block"]),
                End::Delete => command(&["users", "delete"]),
            }
        }
    }

    #[actix_web::test]
    async fn however_a_session_ends_its_apps_are_closed_at_each_process() {
        for end in ENDS {
            let first = Gateway::start_with(Database::Postgres, RULES, &SETTINGS);
            let second = first.beside_with(RULES, &SETTINGS);
            let gateways = [&first, &second];
            let elsewhere = first.app.signed_in("ada").await;
            edit_claims(&first.app, move |claims| {
                claims["sid"] = "one".into();
                if end == End::SessionExpiry {
                    claims["session_expiry"] = (claims["iat"].as_i64().unwrap() + 600).into();
                }
            });
            let here = Browser::new(&first);
            for url in ["http://wiki.test/", "http://metrics.test/"] {
                assert_eq!(here.follow(url, "ada").await.1.status, 200, "{end:?}");
            }
            let there = here.at(&second);
            let opened = Opened {
                gateways,
                there: [here, there],
                elsewhere,
            };
            let asked = async |nth: usize, url: &str| {
                let browser = &opened.there[nth];
                browser.ask("GET", url, &SCRIPT).await.status
            };
            let everywhere = [0, 1]
                .map(|nth| ["http://wiki.test/", "http://metrics.test/"].map(|url| (nth, url)));
            for (nth, url) in everywhere.concat() {
                assert_eq!(asked(nth, url).await, 200, "{end:?} {nth} {url}");
            }
            opened.end(end).await;
            let ended = Instant::now();
            for (nth, url) in everywhere.concat() {
                loop {
                    let since = ended.elapsed();
                    if asked(nth, url).await == 401 {
                        break;
                    }
                    assert!(since < SESSION_CACHE, "{end:?}: {url} at {nth} is open");
                }
            }
        }
    }
}
