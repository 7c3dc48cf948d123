//! A provider that hangs, drips, breaks off or sends too much.

use std::time::{Duration, Instant};

use actix_web::rt;
use actix_web::rt::time::sleep;
use futures_util::future::{join, join_all};

use crate::faults::{
    MEASURING, Service, UNHINDERED, assert_page, assert_unhindered, is_back, many, until,
};
use crate::support::Database;
use crate::support::app::Storage;
use crate::support::process::PATIENCE;
use crate::support::provider::{Canned, Endpoint, Gate};
use crate::support::visitor::Answer;

/// The longest wait for a page, whatever the provider does, on a busy machine: it is ten seconds, and twice as long where
/// one request comes after another.
const PAGE_WITHIN: Duration = Duration::from_secs(15);

const UNUSABLE: &str = "It signed you in, but then sent us no response that we can use.";

/// Zeros: 100 MB of them in 630 KB, which the limit of an answer's size lets pass.
fn bomb() -> Canned {
    const MATCHES: usize = 100_000_000 / 258;
    // RFC 1951, one last block of fixed codes: a zero, then "the last byte 258 times" again and again.
    let mut bits = vec![1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0];
    for _ in 0..MATCHES {
        bits.extend([1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }
    bits.extend([0; 7]);
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    body.extend(bits.chunks(8).map(|byte| {
        let bits = byte.iter().enumerate();
        bits.map(|(place, bit)| bit << place).sum::<u8>()
    }));
    let mut bomb = Canned::new(200, "application/json", body);
    bomb.headers
        .push(("Content-Encoding".to_owned(), "gzip".to_owned()));
    bomb
}

/// Each sign-in of these hangs until Doorward has enough of it.
fn slow_answers() -> Vec<(Endpoint, Canned)> {
    let json = || Canned::new(200, "application/json", vec![b' '; 10_000]);
    let late = || json().late(Duration::from_secs(30));
    let drip = || json().dripping(Duration::from_millis(20));
    [Endpoint::Token, Endpoint::Userinfo]
        .into_iter()
        .flat_map(|endpoint| [late(), drip(), late(), drip()].map(|canned| (endpoint, canned)))
        .collect()
}

fn bad_answers() -> Vec<(Endpoint, Canned)> {
    let huge = || Canned::new(200, "application/json", vec![b' '; 1 << 20]).repeated(50);
    let redirect = |status| {
        let mut canned = Canned::html(status, "");
        let target = "http://127.0.0.1:9/".to_owned();
        canned.headers.push(("Location".to_owned(), target));
        canned
    };
    [Endpoint::Token, Endpoint::Userinfo]
        .into_iter()
        .flat_map(|endpoint| {
            let all = [
                Canned::reset(),
                redirect(302),
                redirect(307),
                huge(),
                huge(),
                bomb(),
                bomb(),
            ];
            all.map(|canned| (endpoint, canned))
        })
        .collect()
}

/// Begins a sign-in and lets the provider answer its callback in that way.
async fn meet(service: &Service, login: &str, endpoint: Endpoint, canned: Canned) -> Slow {
    let visitor = service.visitor();
    let callback = visitor.callback_for(login).await;
    let asked = service.provider.request_count(endpoint);
    service.provider.faults(|faults| {
        faults.canned.insert(endpoint, canned);
    });
    let answer = rt::spawn(async move {
        let began = Instant::now();
        (visitor.get(&callback).await, began.elapsed())
    });
    until("the provider is asked", PAGE_WITHIN, async || {
        service.provider.request_count(endpoint) > asked
    })
    .await;
    service.provider.heal();
    answer
}

type Slow = rt::task::JoinHandle<(Answer, Duration)>;

/// After how long, each.
async fn assert_failed(slow: Vec<Slow>) -> Vec<Duration> {
    let mut all = Vec::new();
    for answer in slow {
        let (answer, took) = answer.await.unwrap();
        assert_page(&answer, 502, UNUSABLE);
        assert!(took < PAGE_WITHIN, "{took:?}");
        all.push(took);
    }
    all
}

#[actix_web::test]
async fn a_provider_in_trouble_costs_its_own_sign_ins_time_and_nobody_else_anything() {
    let _measuring = MEASURING.lock().await;
    let storage = Storage::new(Database::Sqlite);
    let service = Service::start(&storage.url);
    let somebody = service.visitor();
    assert!(is_back(&somebody.sign_in("p0").await));
    many(8, 8, async |_| {
        assert!(is_back(&service.visitor().sign_in("p1").await))
    })
    .await;
    let before = service.peak_kib();

    let mut slow = Vec::new();
    for (endpoint, canned) in slow_answers() {
        slow.push(meet(&service, "p2", endpoint, canned).await);
    }
    let began = Instant::now();
    assert!(is_back(&service.visitor().sign_in("p3").await));
    assert!(began.elapsed() < UNHINDERED, "{:?}", began.elapsed());
    let mut bad = Vec::new();
    for (endpoint, canned) in bad_answers() {
        bad.push(meet(&service, "p4", endpoint, canned).await);
        assert_unhindered(&service, &somebody).await;
    }
    assert_failed(bad).await;
    while !slow.iter().any(|answer| answer.is_finished()) {
        assert_unhindered(&service, &somebody).await;
        sleep(Duration::from_millis(100)).await;
    }
    for took in assert_failed(slow).await {
        assert!(took > Duration::from_millis(9500), "{took:?}");
    }
    let grown = service.peak_kib() - before;
    assert!(grown < 40 * 1024, "{grown} KiB more than {before}");

    let visitor = service.visitor();
    let callback = visitor.callback_for("p5").await;
    service.provider.stop();
    let died = Instant::now();
    assert_page(&visitor.get(&callback).await, 502, UNUSABLE);
    assert!(died.elapsed() < PAGE_WITHIN);
    assert_unhindered(&service, &somebody).await;
    service.provider.restart().unwrap();
    assert!(is_back(&visitor.sign_in("p5").await));
}

#[actix_web::test]
async fn a_provider_that_can_not_even_be_discovered_leaves_the_home_page_quick() {
    let _measuring = MEASURING.lock().await;
    let storage = Storage::new(Database::Sqlite);
    let service = Service::start(&storage.url);
    let drip = Canned::new(200, "application/json", vec![b' '; 10_000])
        .dripping(Duration::from_millis(20));
    service.provider.faults(|faults| {
        faults.canned.insert(Endpoint::Discovery, drip);
    });
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let visitor = service.visitor();
            rt::spawn(async move {
                let began = Instant::now();
                (visitor.get("/login").await, began.elapsed())
            })
        })
        .collect();
    let visitor = service.visitor();
    while !waiting.iter().any(|answer| answer.is_finished()) {
        let asked = Instant::now();
        assert_eq!(visitor.get("/").await.status, 200);
        assert!(asked.elapsed() < UNHINDERED, "{:?}", asked.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    for answer in waiting {
        let (answer, took) = answer.await.unwrap();
        let sentence = "We could not reach it, so nobody can sign in right now.";
        assert_page(&answer, 502, sentence);
        assert!(took < PAGE_WITHIN, "{took:?}");
    }
    assert_eq!(service.provider.request_count(Endpoint::Discovery), 1);
}

/// The provider answers nobody before everybody has asked. Whoever waited for another's connection would not be among them.
#[actix_web::test]
async fn many_people_at_once_sign_in_at_a_provider_that_takes_its_time() {
    let _measuring = MEASURING.lock().await;
    let storage = Storage::new(Database::Sqlite);
    let service = Service::start(&storage.url);
    let mut people = Vec::new();
    for number in 0..250 {
        let visitor = service.visitor();
        let callback = visitor.callback_for(&format!("p{}", number % 100)).await;
        people.push((visitor, callback));
    }
    let gate = Gate::closed();
    service
        .provider
        .faults(|faults| drop(faults.gates.insert(Endpoint::Token, gate.clone())));
    let began = Instant::now();
    let answers = people
        .iter()
        .map(|(visitor, callback)| visitor.get(callback));
    let all_ask = async {
        until("all have asked", PATIENCE, async || {
            service.provider.request_count(Endpoint::Token) >= people.len()
        })
        .await;
        gate.open();
        began.elapsed()
    };
    let (answers, asked) = join(join_all(answers), all_ask).await;
    let failed = answers.iter().filter(|answer| !is_back(answer)).count();
    let took = began.elapsed();
    assert_eq!(
        failed, 0,
        "of 250, who had asked after {asked:?}, after {took:?}"
    );
    println!("250 had asked after {asked:.1?} and were in after {took:.1?}");
}
