//! The client with servers that misbehave.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::task::LocalSet;

use super::*;

const GENUINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ngenuine";
const UNASKED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";

fn http() -> Http {
    Http::new(crate::oidc::tls_config(None).unwrap(), &Proxy::default())
}

/// A server that sends `response` to every request. Once `said` comes it sends `UNASKED` on the first one, and
/// then that it did.
fn server(response: &'static str, said: Receiver<()>, done: Sender<()>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serve = move |mut stream: TcpStream| {
        std::thread::spawn(move || {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for line in lines.map_while(Result::ok) {
                if line.is_empty() {
                    let _ = stream.write_all(response.as_bytes());
                }
            }
        });
    };
    std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        serve(first.try_clone().unwrap());
        if said.recv().is_ok() {
            first.write_all(UNASKED.as_bytes()).unwrap();
            done.send(()).unwrap();
        }
        if let Ok((second, _)) = listener.accept() {
            serve(second);
        }
    });
    Url::parse(&url).unwrap()
}

/// They wait in the kernel when the next request is sent, and the runtime has not polled for them.
#[tokio::test]
async fn unsolicited_bytes_on_a_kept_connection_are_not_the_next_response() {
    let ((say, said), (done, is_done)) = (channel(), channel());
    let (url, http) = (server(GENUINE, said, done), http());
    let asked_twice = async {
        let response = http
            .send(Endpoint::Keys, || Request::get(url.clone()))
            .await
            .unwrap();
        assert_eq!(response.body, b"genuine");
        say.send(()).unwrap();
        is_done.recv().unwrap();
        let response = http
            .send(Endpoint::Keys, || Request::get(url.clone()))
            .await
            .unwrap();
        assert_eq!(response.body, b"genuine");
    };
    LocalSet::new().run_until(asked_twice).await;
}

#[tokio::test]
async fn a_response_that_is_not_http_is_no_missing_response() {
    for (response, cause) in [
        (
            "SSH-2.0-OpenSSH\r\n\r\n",
            "it is not HTTP/1.1 (invalid HTTP version specified)",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n1",
            "it is not HTTP/1.1 (invalid Header provided)",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "it is not HTTP/1.1 (Invalid chunk size line: Invalid size first-byte)",
        ),
    ] {
        let ((_, said), (done, _)) = (channel(), channel());
        let (url, http) = (server(response, said, done), http());
        let asked = LocalSet::new()
            .run_until(http.send(Endpoint::Keys, || Request::get(url.clone())))
            .await;
        let fault = asked.err();
        let expected = format!("the provider's response can't be read: {cause}");
        assert_eq!(fault.unwrap().to_string(), expected);
    }
}

#[test]
fn only_a_response_with_status_200_is_well() {
    let responded = |status| Ok(Response::read(status, |_| None, Vec::new()));
    for (response, expected) in [
        (responded(200), Outcome::Ok),
        (responded(204), Outcome::Refused),
        (responded(500), Outcome::Refused),
        (Err(FetchError::Timeout), Outcome::Timeout),
        (Err(FetchError::Body(String::new())), Outcome::Unreachable),
    ] {
        assert_eq!(outcome(&response), expected);
    }
}

/// Answers the first request, and closes the connection when the second comes on it. What the requests said in `n` is
/// sent.
fn closes_after_one(seen: Sender<String>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut is_first = true;
            for line in lines.map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("n: ") {
                    seen.send(number.to_owned()).unwrap();
                }
                match line.is_empty() {
                    true if is_first => {
                        stream.write_all(GENUINE.as_bytes()).unwrap();
                        is_first = false;
                    }
                    true => break,
                    false => (),
                }
            }
        }
    });
    Url::parse(&url).unwrap()
}

/// A client assertion or a proof may be used once.
#[tokio::test]
async fn a_retry_sends_a_request_that_was_made_again() {
    let (seen, was_seen) = channel();
    let (url, http) = (closes_after_one(seen), http());
    let made = std::cell::Cell::new(0);
    let make = || {
        made.set(made.get() + 1);
        Request::get(url.clone()).header("n", made.get().to_string())
    };
    let sent_twice = async {
        for _ in 0..2 {
            let response = http.send(Endpoint::Token, make).await.unwrap();
            assert_eq!(response.body, b"genuine");
        }
    };
    LocalSet::new().run_until(sent_twice).await;
    let seen: Vec<String> = was_seen.try_iter().collect();
    assert_eq!(seen, ["1", "2", "3"]);
}

mod slow {
    use super::*;

    /// A provider that keeps its only connection waits for nobody, and the next request is not sent.
    #[tokio::test]
    async fn a_request_that_waited_for_a_free_connection_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let tls = crate::oidc::tls_config(None).unwrap();
        let http = Http::with_connections(tls, &Proxy::default(), 1);
        let send = || http.send(Endpoint::Keys, || Request::get(url.clone()));
        let both = async { tokio::join!(send(), send()) };
        let (first, second) = LocalSet::new().run_until(both).await;
        let mut failures = [first, second].map(|failed| failed.err().unwrap().to_string());
        failures.sort();
        assert_eq!(
            failures,
            [
                "no response within 10 s, most of which the request waited for a free connection to the provider",
                "the provider did not respond within 10 s",
            ]
        );
        drop(listener);
    }
}
