//! The whole report, as text and as JSON.

use serde_json::{Value, json};

use super::{check_with, complaints};
use crate::on_both;
use crate::support::provider::Endpoint;

on_both! {
    async fn a_healthy_set_up_is_told_line_by_line(app: TestApp) {
        let (code, printed) = check_with(&app, &[], &[]);
        let database = match app.variables["DATABASE_URL"].starts_with("postgres") {
            true => "Postgres",
            false => "the SQLite file DATABASE",
        };
        let clock = match database {
            "Postgres" => "the database's and ours agree within 30 s",
            _ => "SQLite has the time of this host",
        };
        let more = match database {
            "Postgres" => "\
ok          encoding       it can hold every name.
ok          rights         the role has those that it needs on each table.",
            _ => "ok          integrity      SQLite's quick_check finds nothing wrong.",
        };
        let roots = printed.lines().find(|line| line.contains(" tls_roots ")).unwrap();
        let some_roots = roots.starts_with("ok          tls_roots      ") && roots.ends_with(" from the system, 0 from OIDC_CA_FILE.");
        assert!(some_roots || roots.starts_with("warning     tls_roots      no certificate authority is trusted."), "{roots}");
        let expected = format!("\
ok          settings       all required settings are present and valid.
ok          public_url     http://localhost:APP is on this machine: cookies need neither Secure nor __Host-.
ok          session_key    set, 64 bytes.
{roots}
ok          discovery      http://127.0.0.1:PROVIDER/.well-known/openid-configuration responds.
ok          issuer         http://127.0.0.1:PROVIDER.
ok          clock          ours and the provider's agree within 5 s.
ok          keys           4 can be used, for RS256 PS256 ES256 EdDSA.
ok          scopes         all are offered: openid email profile.
ok          client_auth    client_secret_basic is offered.
ok          response_mode  query is offered.
ok          acr            none is asked for.
ok          client         the provider knows it and its redirect URI http://localhost:APP/authorization-code/callback.
ok          client_secret  the token endpoint accepts it: it rejected a made-up code, not the client.
ok          end_session    people sign out at http://127.0.0.1:PROVIDER/end_session, too.
ok          back_channel   the provider sends logout tokens, of single sessions, too: register http://localhost:APP/backchannel-logout there.
ok          front_channel  off.
ok          universal      global token revocation, if the provider has it, goes to http://localhost:APP/universal-logout.
ok          revocation     the provider has a revocation endpoint.
ok          database       {database} is reachable, and takes writes in each table.
ok          migrations     all are applied.
ok          db_clock       {clock}.
{more}
Faults: 0. Warnings: {}. Can't tell: 0.
", i32::from(!some_roots));
        assert_eq!(printed, expected);
        assert_eq!(code, 0);
    }

    async fn machines_get_one_document(app: TestApp) {
        app.provider.faults(|faults| faults.edit_discovery = Some(Box::new(|document| {
            document.as_object_mut().unwrap().remove("end_session_endpoint");
            document["scopes_supported"] = Value::Null;
        })));
        let (code, printed) = check_with(&app, &["--json"], &[("OIDC_CLIENT_ID", "another")]);
        let document: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!((code, &document["ok"], &document["faults"], &document["unknown"]), (1, &json!(false), &json!(2), &json!(1)));
        let of = |check: &str| document["checks"].as_array().unwrap().iter().find(|it| it["check"] == check).unwrap().clone();
        assert_eq!(of("discovery")["verdict"], "ok");
        assert_eq!(of("discovery")["fix"], Value::Null);
        assert_eq!(of("client")["verdict"], "fault");
        assert!(of("client")["fix"].as_str().unwrap().contains("OIDC_CLIENT_ID"));
        assert_eq!(of("end_session")["verdict"], "warning");
        assert_eq!(of("scopes")["verdict"], "unknown");

        app.provider.heal();
        let (code, printed) = check_with(&app, &["--json"], &[]);
        let document: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!((code, &document["ok"], &document["faults"]), (0, &json!(true), &json!(0)));
        let of_the_database = match app.variables["DATABASE_URL"].starts_with("postgres") {
            true => 5,
            false => 4,
        };
        assert_eq!(document["checks"].as_array().unwrap().len(), 19 + of_the_database);
    }

    async fn it_leaves_no_trace(app: TestApp) {
        complaints(&app);
        assert_eq!((app.storage().users(), app.storage().sessions()), (0, 0));
        let asked = app.provider.requests(Endpoint::Authorize);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].query.get("prompt"), Some("none"));
        assert_eq!(asked[0].session, None);
        assert_eq!(app.provider.request_count(Endpoint::Userinfo), 0);
    }
}
