//! Five hundred people who sign in, sixteen at once, and try again when they meet an error page, as anybody would.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::rt::System;
use actix_web::rt::time::sleep;
use futures_util::future::join_all;

use crate::support::Visitor;
use crate::support::people::login;
use crate::support::process::PATIENCE;
use crate::support::visitor::Answer;

/// How many come.
pub const PEOPLE: usize = 500;

const THREADS: usize = 4;
const AT_ONCE: usize = 16;

/// How long a person reads an error page before they try again.
const BEFORE_THE_NEXT_TRY: Duration = Duration::from_millis(100);

/// A person whose sign-in was acknowledged: the callback redirected them to `/profile`.
pub struct Acknowledged {
    pub number: usize,
    /// What their browser got for it.
    pub cookie: String,
    /// When each request to the callback began and ended, the last of them well.
    pub callbacks: Vec<(Instant, Instant)>,
}

/// The people, as far as they are let in, from threads of their own so that a test may block.
pub struct Crowd {
    gate: Arc<Gate>,
    threads: Vec<JoinHandle<()>>,
}

struct Gate {
    url: String,
    next: AtomicUsize,
    let_in: AtomicUsize,
    at_the_callback: AtomicUsize,
    sent_round_again: AtomicUsize,
    refusals: Mutex<Vec<(u16, String)>>,
    acknowledged: Mutex<Vec<Acknowledged>>,
}

impl Crowd {
    /// Before the gate: no sign-in has started yet.
    pub fn gather(url: &str) -> Crowd {
        let gate = Arc::new(Gate {
            url: url.to_owned(),
            next: AtomicUsize::new(0),
            let_in: AtomicUsize::new(0),
            at_the_callback: AtomicUsize::new(0),
            sent_round_again: AtomicUsize::new(0),
            refusals: Mutex::default(),
            acknowledged: Mutex::default(),
        });
        let thread = |_| {
            let gate = gate.clone();
            std::thread::spawn(move || {
                let visitors = (0..AT_ONCE / THREADS).map(|_| one_after_the_other(&gate));
                System::new().block_on(join_all(visitors));
            })
        };
        let threads = (0..THREADS).map(thread).collect();
        Crowd { gate, threads }
    }

    /// Lets people in until there have been so many since the beginning.
    pub fn let_in(&self, so_many: usize) {
        self.gate.let_in.store(so_many, Ordering::Relaxed);
    }

    /// Waits until so many are signed in.
    pub fn are_signed_in(&self, so_many: usize) {
        self.wait(|| self.gate.acknowledged.lock().unwrap().len() >= so_many);
    }

    /// Waits until so many callbacks are under way.
    pub fn are_at_the_callback(&self, so_many: usize) {
        self.wait(|| self.gate.at_the_callback.load(Ordering::Relaxed) >= so_many);
    }

    /// Waits until so many error pages were met.
    pub fn have_met_errors(&self, so_many: usize) {
        self.wait(|| self.error_pages() >= so_many);
    }

    pub fn error_pages(&self) -> usize {
        self.gate.refusals.lock().unwrap().len()
    }

    /// How often the provider was asked again because a code was used by an attempt that came to nothing.
    pub fn sent_round_again(&self) -> usize {
        self.gate.sent_round_again.load(Ordering::Relaxed)
    }

    fn wait(&self, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            let failed = self.threads.iter().any(JoinHandle::is_finished);
            assert!(!failed || holds(), "somebody failed");
            assert!(Instant::now() < deadline, "timed out");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// When all are in: who, and the error pages they met.
    pub fn end(self) -> (Vec<Acknowledged>, Vec<(u16, String)>) {
        self.are_signed_in(PEOPLE);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let gate = Arc::into_inner(self.gate).expect("the threads have ended");
        let (acknowledged, refusals) = (gate.acknowledged, gate.refusals);
        (
            acknowledged.into_inner().unwrap(),
            refusals.into_inner().unwrap(),
        )
    }
}

async fn one_after_the_other(gate: &Gate) {
    loop {
        let number = gate.next.fetch_add(1, Ordering::Relaxed);
        if number >= PEOPLE {
            break;
        }
        while number >= gate.let_in.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(1)).await;
        }
        let acknowledged = gate.sign_in(number).await;
        gate.acknowledged.lock().unwrap().push(acknowledged);
    }
    // A thread that ends before has failed.
    while gate.acknowledged.lock().unwrap().len() < PEOPLE {
        sleep(Duration::from_millis(1)).await;
    }
}

impl Gate {
    async fn sign_in(&self, number: usize) -> Acknowledged {
        let visitor = Visitor::new(&self.url);
        let mut callbacks = Vec::new();
        loop {
            let mut answer = visitor.get("/login").await;
            // What the browser does by itself: to the provider, back, and once more if it is sent there again.
            while answer.status == 303 && answer.location() != "/profile" {
                let callback = visitor.choose(answer.location(), &login(number)).await;
                let began = Instant::now();
                self.at_the_callback.fetch_add(1, Ordering::Relaxed);
                answer = visitor.get(&callback).await;
                self.at_the_callback.fetch_sub(1, Ordering::Relaxed);
                callbacks.push((began, Instant::now()));
                let is_again = answer.status == 303 && answer.location() != "/profile";
                self.sent_round_again
                    .fetch_add(is_again.into(), Ordering::Relaxed);
            }
            if answer.status == 303 {
                let cookies: BTreeMap<_, _> = visitor.app_cookies();
                return Acknowledged {
                    number,
                    cookie: cookies["doorward"].clone(),
                    callbacks,
                };
            }
            self.refused(&answer);
            sleep(BEFORE_THE_NEXT_TRY).await;
        }
    }

    /// An error page of ours, not nginx's.
    fn refused(&self, answer: &Answer) {
        assert!(answer.has("error-reference"), "{answer:?}");
        self.refusals.lock().unwrap().push(answer.refusal());
    }
}
