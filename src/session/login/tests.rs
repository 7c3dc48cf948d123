use super::super::tests::{request_with, sessions};
use super::*;
use crate::paths::Base;

fn profile() -> ReturnTo {
    ReturnTo::profile(&Base::default())
}

/// The cookie of a fresh attempt, and its state.
fn begun(sessions: &Sessions) -> (Cookie<'static>, String) {
    let attempt = Attempt::new();
    let state = attempt.state.clone();
    let mut cookies = sessions.begin_login(&request_with([]), attempt, profile());
    assert_eq!(cookies.len(), 1);
    (cookies.remove(0), state)
}

fn names(cookies: &[Cookie<'_>]) -> Vec<String> {
    cookies.iter().map(|c| c.name().to_owned()).collect()
}

#[test]
fn an_attempt_is_kept_by_the_browser_that_began_it() {
    let (sessions, _) = sessions();
    let (cookie, state) = begun(&sessions);
    let name = format!("__Host-doorward-login-{}", &state[..16]);
    assert_eq!(cookie.name(), name);
    assert_eq!(cookie.max_age(), Some(LIFETIME));
    assert_eq!(cookie.same_site(), Some(SameSite::Lax));
    assert_eq!(
        (cookie.http_only(), cookie.secure()),
        (Some(true), Some(true))
    );

    let request = request_with([&cookie]);
    let login = sessions.take_login(&request, Some(&state)).ok().unwrap();
    assert_eq!(
        (login.attempt.state, login.return_to),
        (state.clone(), profile())
    );
    let removal = sessions.forget_login(&request, &state).unwrap();
    assert_eq!((removal.name(), removal.value()), (cookie.name(), ""));
    assert!(sessions.forget_login(&request_with([]), &state).is_none());
}

#[test]
fn a_response_that_belongs_to_no_attempt_is_refused_with_the_reason() {
    let (sessions, _) = sessions();
    let (cookie, state) = begun(&sessions);
    let refusal = |cookies: &[&Cookie<'static>], state: Option<&str>| {
        let taken = sessions.take_login(&request_with(cookies.iter().copied()), state);
        taken.err().unwrap().to_string()
    };
    assert_eq!(refusal(&[&cookie], None), "the response has no state");
    assert_eq!(
        refusal(&[], Some(&state)),
        "this browser has no attempt of that state (used up, another browser, or no cookies)"
    );
    let forged = "the attempt's cookie was not sealed by us for that state";
    let same_name = format!("{}x", &state[..16]);
    assert_eq!(refusal(&[&cookie], Some(&same_name)), forged);
    let made_up = Cookie::new(cookie.name().to_owned(), "made-up");
    assert_eq!(refusal(&[&made_up], Some(&state)), forged);
}

#[test]
fn a_person_has_ten_minutes_at_the_provider() {
    let (sessions, clock) = sessions();
    let (cookie, state) = begun(&sessions);
    let request = request_with([&cookie]);
    clock.shift(Duration::seconds(590));
    assert!(sessions.take_login(&request, Some(&state)).is_ok());
    clock.shift(Duration::seconds(10));
    let expired = sessions.take_login(&request, Some(&state)).err().unwrap();
    assert_eq!(expired.to_string(), "the attempt is older than ten minutes");
    let return_to = profile();
    assert_eq!(expired, NoLogin::Expired { return_to });
}

#[test]
fn of_more_than_five_attempts_the_oldest_goes_after_those_that_lead_nowhere() {
    let (sessions, clock) = sessions();
    let mut kept = Vec::new();
    for _ in 0..5 {
        kept.push(begun(&sessions).0);
        clock.shift(Duration::SECOND);
    }
    let made_up = Cookie::new("__Host-doorward-login-x", "made-up");
    let others = Cookie::new("__Host-other", "x");
    let removed =
        |cookies: Vec<&Cookie<'static>>| names(&sessions.surplus_logins(&request_with(cookies)));
    assert_eq!(removed(kept.iter().collect()), [kept[0].name()]);
    assert_eq!(removed(kept[1..].iter().collect()), [""; 0]);
    let nowhere: Vec<_> = kept[1..].iter().chain([&made_up, &others]).collect();
    assert_eq!(removed(nowhere), [made_up.name()]);
    let both: Vec<_> = kept.iter().chain([&made_up]).collect();
    assert_eq!(removed(both), [made_up.name(), kept[0].name()]);

    let request = request_with(&kept);
    let cookies = sessions.begin_login(&request, Attempt::new(), profile());
    assert_eq!((cookies.len(), cookies[0].name()), (2, kept[0].name()));
}
