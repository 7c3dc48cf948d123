//! Postgres goes away under load and comes back.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use futures_util::future::{join, join_all};

use crate::faults::{
    LIMIT, NO_DATABASE_WITHIN, NO_RECORDS, Service, assert_page, assert_whole, is_back, until,
};
use crate::support::people::login;
use crate::support::postgres::OwnPostgres;
use crate::support::visitor::Answer;

#[actix_web::test]
async fn a_postgres_that_goes_and_comes_back_under_load_is_an_outage_and_no_more() {
    let mut postgres = OwnPostgres::start();
    let service = Service::start(&postgres.url());
    let (next, done) = (Cell::new(0), Cell::new(false));
    let acknowledged = RefCell::new(Vec::new());
    let refused = Cell::new(0);
    let judge = |answer: &Answer, asked: Instant, good: bool| {
        let took = asked.elapsed();
        assert!(took < NO_DATABASE_WITHIN, "{took:?}");
        if !good {
            assert_page(answer, 503, NO_RECORDS);
            refused.set(refused.get() + 1);
        }
    };
    let worker = || async {
        while !done.get() {
            let number = next.replace(next.get() + 1) % 100;
            let visitor = service.visitor();
            let callback = visitor.callback_for(&login(number)).await;
            let asked = Instant::now();
            let answer = visitor.get(&callback).await;
            judge(&answer, asked, is_back(&answer));
            if is_back(&answer) {
                acknowledged.borrow_mut().push((number, visitor.clone()));
                for _ in 0..3 {
                    let asked = Instant::now();
                    let profile = visitor.get("/profile").await;
                    judge(&profile, asked, profile.status == 200);
                }
            }
        }
    };
    let outage = async {
        let ops = service.visitor();
        let plenty = async |more: usize| {
            let enough = acknowledged.borrow().len() + more;
            until("sign-ins", Duration::from_secs(30), async || {
                acknowledged.borrow().len() >= enough
            })
            .await;
        };
        plenty(30).await;
        postgres.stop();
        let asked = Instant::now();
        let ready = ops.get("/readyz").await;
        assert_eq!(
            (ready.status, ready.body.as_str()),
            (503, "database: does not respond (the log says why)\n")
        );
        assert!(asked.elapsed() < NO_DATABASE_WITHIN);
        until("refusals", Duration::from_secs(15), async || {
            refused.get() >= 8
        })
        .await;
        assert_eq!(ops.get("/").await.status, 200);
        assert_eq!(ops.get("/healthz").await.status, 200);
        postgres.start_again();
        until("ready again", Duration::from_secs(15), async || {
            ops.get("/readyz").await.status == 200
        })
        .await;
        plenty(30).await;
        done.set(true);
    };
    let all = join(outage, join_all((0..8).map(|_| worker())));
    timeout(LIMIT, all).await.expect("an end");

    let acknowledged = acknowledged.into_inner();
    for (number, visitor) in &acknowledged {
        let profile = visitor.get("/profile").await;
        let name = format!("Person {number}");
        assert_eq!(profile.text("claim-name"), Some(name), "{profile:?}");
    }
    assert_whole(
        &postgres.url(),
        acknowledged.iter().map(|(number, _)| *number),
    );
}
