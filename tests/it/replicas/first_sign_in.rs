//! The provider signs out people whom nobody here knows yet, while three processes sign them in.

mod slow {
    use std::time::Duration;

    use futures_util::future::{join, join_all};
    use serde_json::{Value, json};

    use super::super::ended_by_provider::{form, post, with_sid};
    use super::super::{Replicas, email, login};
    use crate::support::app::{CLIENT_ID, Storage};
    use crate::support::{Answer, Database, Visitor};

    /// The bearer token of a global token revocation.
    fn revocation_token(replicas: &Replicas, jti: &str) -> String {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let claims = json!({
            "iss": replicas.provider.issuer(), "aud": format!("{}/universal-logout", replicas.url),
            "sub": CLIENT_ID, "iat": now, "exp": now + 120, "jti": jti,
        });
        replicas.provider.faults(|faults| {
            faults.edit_header = Some(Box::new(|header| {
                header["typ"] = "global-token-revocation+jwt".into();
            }));
        });
        let token = replicas.provider.sign_id_token(&claims);
        replicas.provider.faults(|faults| faults.edit_header = None);
        token
    }

    /// Posts a revocation to one of the processes.
    async fn revoke(replicas: &Replicas, which: usize, token: &str, sub_id: &Value) -> Answer {
        let visitor = Visitor::new(&format!("http://{}", replicas.addrs[which]));
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let body = json!({"sub_id": sub_id}).to_string();
        let method = awc::http::Method::POST;
        visitor
            .send(method, "/universal-logout", &headers, &body)
            .await
    }

    /// Whichever is first: a session of a first sign-in that began before the logout is never left.
    #[actix_web::test]
    async fn no_first_sign_in_gets_past_a_logout_at_another_process() {
        const ROUNDS: usize = 48;
        let storage = Storage::new(Database::Postgres);
        let replicas = Replicas::start(&storage.url);
        let mut void = 0;
        for round in 0..ROUNDS {
            let (sid, jti) = (format!("raced-{round}"), format!("race-{round}"));
            let named = [
                json!({"sub": "00u0"}),
                json!({"sub": "00u0", "sid": sid}),
                json!({"format": "iss_sub", "iss": replicas.provider.issuer(), "sub": "00u0"}),
                json!({"format": "email", "email": email(0).to_uppercase()}),
            ][round % 4]
                .clone();
            with_sid(&replicas, sid);
            let visitors = [(); 3].map(|()| replicas.visitor());
            let mut callbacks = Vec::new();
            for visitor in &visitors {
                callbacks.push(visitor.callback_for(&login(0)).await);
            }
            let form = form(&replicas, &jti, &named);
            let token = revocation_token(&replicas, &jti);
            let arrivals = visitors.iter().zip(&callbacks);
            let arrivals = join_all(arrivals.map(|(visitor, callback)| visitor.get(callback)));
            let wait = Duration::from_millis(4 * (round as u64 % 11));
            let logout = async {
                actix_web::rt::time::sleep(wait).await;
                match named["format"].is_null() {
                    true => post(&replicas, round % 3, &form).await,
                    false => revoke(&replicas, round % 3, &token, &named).await,
                }
            };
            let (answers, logout) = join(arrivals, logout).await;
            assert!(
                [200, 204, 404].contains(&logout.status),
                "{named}: {logout:?}"
            );
            assert_eq!(storage.sessions(), 0, "{named}");
            for answer in answers {
                assert_eq!(answer.status, 303, "{named}: {answer:?}");
                void += usize::from(answer.location() != "/profile");
            }
            storage.execute("DELETE FROM users");
            replicas.provider.heal();
        }
        println!("{void} of {} first sign-ins were void", 3 * ROUNDS);
    }
}
