//! Every refusal at once: `docs/refusals.md` is written from the table, and compared with it.

use std::collections::BTreeSet;
use std::path::Path;

use actix_web::http::StatusCode;

use super::{Refusal, Retry, samples};
use crate::accounts::reason::Reason;
use crate::http::error::Error;
use crate::oidc;

/// A section of the document: its title, and each error with what the log says of it.
type Section = (&'static str, Vec<(String, Refusal)>);

fn rows<E: Into<Error>>(errors: impl IntoIterator<Item = E>) -> Vec<(String, Refusal)> {
    let errors = errors.into_iter().map(Into::into);
    errors
        .map(|error: Error| (error.to_string(), Refusal::of(&error)))
        .collect()
}

fn sections() -> Vec<Section> {
    let own_status = |(status, what): (u16, &str)| {
        let status = StatusCode::from_u16(status).unwrap();
        (what.to_owned(), Refusal::of_status(status))
    };
    let statuses = [
        (404, "no such route"),
        (405, "the route does not take that method"),
        (408, "the body did not arrive in time"),
        (413, "the body is too long"),
        (414, "the path is too long"),
        (431, "the method, the query or the cookies are too long"),
        (400, "anything else that can't be read"),
        (500, "an error of the framework"),
    ];
    vec![
        ("The callback and its attempt", rows(samples::of_attempts())),
        (
            "What the provider says in the authorization response",
            rows(samples::of_authorization()),
        ),
        ("Requests to the provider", rows(samples::of_fetches())),
        ("What the provider responds", rows(samples::of_responses())),
        (
            "The ID token",
            rows(samples::of_id_tokens().map(oidc::Error::from)),
        ),
        ("Doorward itself", rows(samples::of_ourselves())),
        (
            "Requests that no handler sees",
            statuses.map(own_status).into(),
        ),
    ]
}

const HEAD: &str = "\
# Every refusal

What a visitor sees and what the log says when something goes wrong. `make refusals` writes this page from the table in
`src/http/error/refusals.rs`, and a test compares them.

- **Reason**: the word in audit events and in the metric `doorward_sign_ins_total`; a dash where no sign-in failed.
- **Log**: how the line begins. The request follows, and after a semicolon what an administrator can do. In the last
  table: when it happens, since these refusals are only in the access log.
- **Retry**: what the callback does before it shows the page. *New attempt*: it starts the sign-in again, at most twice; often
  the provider does not even show a page. *Recheck*: then it checks whether another tab of this browser has signed in.

If the provider or `RATE_LIMIT` sets a time, the page says \"Try again in …\" instead. Each page shows the request's id as
the reference, by which an administrator finds the log line.
";

/// The document, from the table.
fn document() -> String {
    let mut text = HEAD.to_owned();
    for (title, rows) in sections() {
        text += &format!(
            "\n## {title}\n\n| reason | status | what the visitor reads | retry | log | what an administrator can do |\n\
             |---|---|---|---|---|---|\n"
        );
        // One row for all that are refused alike.
        let mut alike: Vec<(Refusal, Vec<String>)> = Vec::new();
        for (log, refusal) in rows {
            match alike.iter_mut().find(|(known, _)| *known == refusal) {
                Some((_, logs)) if logs.contains(&log) => (),
                Some((_, logs)) => logs.push(log),
                None => alike.push((refusal, vec![log])),
            }
        }
        for (refusal, logs) in &alike {
            text += &row(refusal, logs);
        }
    }
    text
}

fn row(refusal: &Refusal, logs: &[String]) -> String {
    let message = refusal.message;
    let reads = match refusal.status.is_redirection() {
        true => "nothing: a redirect to the sign-in".to_owned(),
        false => format!(
            "**{}** {} *{}* [{}]",
            message.title,
            message.sentence,
            message.next,
            message.action.label()
        ),
    };
    let reason = refusal.reason.map(|reason| format!("`{}`", reason.name()));
    let retry = match refusal.retry {
        Retry::Never => "–",
        Retry::NewAttempt => "new attempt",
        Retry::NewAttemptThenRecheck => "new attempt, recheck",
    };
    let logs: Vec<String> = logs
        .iter()
        .map(|log| format!("`{}`", log.replace('|', "\\|")))
        .collect();
    let hint = match refusal.hint {
        "" => "–",
        hint => hint,
    };
    format!(
        "| {} | {} | {reads} | {retry} | {} | {hint} |\n",
        reason.as_deref().unwrap_or("–"),
        refusal.status.as_u16(),
        logs.join("<br>"),
    )
}

/// `make refusals` writes the document.
#[test]
fn the_document_shows_every_refusal() {
    let document = document();
    println!("{document}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/refusals.md");
    if std::env::var_os("WRITE_REFUSALS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (at, (expected, found)) in document.lines().zip(written.lines()).enumerate() {
        assert_eq!(
            expected,
            found,
            "docs/refusals.md:{}: run `make refusals`",
            at + 1
        );
    }
    assert_eq!(document, written, "docs/refusals.md: run `make refusals`");
}

#[test]
fn every_reason_and_every_message_is_in_the_document() {
    let rows: Vec<Refusal> = sections()
        .into_iter()
        .flat_map(|(_, rows)| rows)
        .map(|(_, refusal)| refusal)
        .collect();
    let reasons: BTreeSet<Reason> = rows.iter().filter_map(|row| row.reason).collect();
    assert_eq!(reasons, Reason::ALL.iter().copied().collect());
    let messages: BTreeSet<_> = rows
        .iter()
        .map(|row| (row.message.title, row.message.sentence))
        .collect();
    let source = include_str!("../../pages/messages.rs");
    assert_eq!(messages.len(), source.matches(": Message =").count());
}

/// The requirements prescribe them.
#[test]
fn two_sentences_are_to_the_letter() {
    let sentence = |error: Error| Refusal::of(&error).message.sentence;
    assert_eq!(
        sentence(Error::NoCode),
        "The code was not returned or is not accessible"
    );
    assert_eq!(
        sentence(oidc::Error::TokenType(String::new()).into()),
        "Unsupported token type. Should be 'Bearer'."
    );
}
