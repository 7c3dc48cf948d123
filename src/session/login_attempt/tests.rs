use super::*;
use crate::public_url::PublicUrl;
use crate::session::login_attempt::budget::{REMOVALS, TOGETHER, header_bytes};
use crate::session::tests::{request_with, sessions};

fn profile() -> ReturnTo {
    ReturnTo::ours("/profile".to_owned())
}

/// The cookie of a fresh attempt, and its state.
fn begun(sessions: &Sessions) -> (Cookie<'static>, String) {
    let attempt = Attempt::new();
    let state = attempt.state.clone();
    let mut cookies = sessions.start_attempt(&request_with([]), attempt, profile(), None);
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
    let login = sessions.take_attempt(&request, Some(&state)).ok().unwrap();
    assert_eq!(
        (login.attempt.state, login.return_to),
        (state.clone(), profile())
    );
    let removal = sessions.remove_attempt(&request, &state).unwrap();
    assert_eq!((removal.name(), removal.value()), (cookie.name(), ""));
    assert!(sessions.remove_attempt(&request_with([]), &state).is_none());
}

#[test]
fn a_response_that_belongs_to_no_attempt_is_refused_with_the_reason() {
    let (sessions, _) = sessions();
    let (cookie, state) = begun(&sessions);
    let refusal = |cookies: &[&Cookie<'static>], state: Option<&str>| {
        let taken = sessions.take_attempt(&request_with(cookies.iter().copied()), state);
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
    assert!(sessions.take_attempt(&request, Some(&state)).is_ok());
    clock.shift(Duration::seconds(10));
    let expired = sessions.take_attempt(&request, Some(&state)).err().unwrap();
    assert_eq!(expired.to_string(), "the attempt is older than ten minutes");
    let return_to = profile();
    let step_up = None;
    assert_eq!(expired, AttemptError::Expired { return_to, step_up });
}

/// The cookie of a fresh attempt that leads to a place of so many bytes, in a browser that has `kept`.
fn begun_with(
    sessions: &Sessions,
    kept: &[Cookie<'static>],
    return_to: usize,
) -> Vec<Cookie<'static>> {
    let public_url = PublicUrl::parse("https://app.example").unwrap();
    let place = format!("/{}", "a".repeat(return_to - 1));
    let place = ReturnTo::parse(&place, &public_url, |_| true).unwrap();
    sessions.start_attempt(&request_with(kept), Attempt::new(), place, None)
}

#[test]
fn of_more_than_fits_the_oldest_go_after_those_that_lead_nowhere() {
    let (sessions, clock) = sessions();
    let mut kept = Vec::new();
    loop {
        let mut cookies = begun_with(&sessions, &kept, 9);
        kept.push(cookies.pop().unwrap());
        clock.shift(Duration::SECOND);
        if !cookies.is_empty() {
            assert_eq!(names(&cookies), [kept[0].name()]);
            break;
        }
    }
    assert_eq!(kept.len(), 16, "so many tabs are on their way at once");
    let kept = &kept[1..];
    let bytes: usize = kept.iter().map(header_bytes).sum();
    assert!(bytes <= TOGETHER && bytes > TOGETHER - 400, "{bytes}");

    let removed = |kept: &[Cookie<'static>], return_to| {
        let mut cookies = begun_with(&sessions, kept, return_to);
        cookies.pop();
        names(&cookies)
    };
    assert_eq!(removed(&kept[1..], 9), [""; 0]);
    let made_up = Cookie::new("__Host-doorward-login-x", "made-up");
    let others = Cookie::new("__Host-other", "x");
    let nowhere = [&kept[1..], &[made_up.clone(), others]].concat();
    assert_eq!(removed(&nowhere, 9), [made_up.name()]);
    let both = [kept, std::slice::from_ref(&made_up)].concat();
    assert_eq!(removed(&both, 9), [made_up.name(), kept[0].name()]);
    assert_eq!(
        removed(kept, 512),
        kept[..3].iter().map(Cookie::name).collect::<Vec<_>>()
    );
    let many: Vec<_> = (0..9)
        .map(|n| Cookie::new(format!("{}{n}", made_up.name()), "x"))
        .collect();
    assert_eq!(removed(&many, 9).len(), REMOVALS);
}

#[test]
fn attempts_with_a_long_place_to_return_to_share_two_cookies() {
    let (sessions, clock) = sessions();
    let mut kept: Vec<Cookie<'static>> = Vec::new();
    let mut states = Vec::new();
    for _ in 0..2 {
        let attempt = Attempt::new();
        states.push(attempt.state.clone());
        let place = ReturnTo::parse(
            &format!("/{}", "a".repeat(SHORT_RETURN_TO)),
            &PublicUrl::parse("https://app.example").unwrap(),
            |_| true,
        );
        let request = request_with(&kept);
        kept.extend(sessions.start_attempt(&request, attempt, place.unwrap(), None));
        clock.shift(Duration::SECOND);
    }
    let names_of = |cookies: &[Cookie<'static>]| names(cookies);
    assert_eq!(
        names_of(&kept),
        ["__Host-doorward-login-0", "__Host-doorward-login-1"]
    );
    // The third takes the place of the oldest.
    let third = begun_with(&sessions, &kept, SHORT_RETURN_TO + 1);
    assert_eq!(names_of(&third), [kept[0].name()]);
    let request = request_with([&third[0], &kept[1]]);
    let of = |state: &str| sessions.take_attempt(&request, Some(state)).map(drop);
    assert_eq!(of(&states[0]), Err(AttemptError::NotThisBrowser));
    assert_eq!(of(&states[1]), Ok(()));
    let removal = sessions.remove_attempt(&request, &states[1]).unwrap();
    assert_eq!((removal.name(), removal.value()), (kept[1].name(), ""));
    // Their names are no secret, and a link that names one takes nothing away.
    for guessed in [states[0].as_str(), "0", "1", "=1"] {
        assert!(sessions.remove_attempt(&request, guessed).is_none());
    }
    let short = begun_with(&sessions, &[], SHORT_RETURN_TO);
    assert!(short[0].name().len() > kept[0].name().len());
}

/// What a previous version sealed, and what it can open.
#[test]
fn an_attempt_has_the_form_of_the_previous_version_unless_it_requires_something() {
    let json = r#"[["secret",1],"/profile",1800000000000000000]"#;
    let login = LoginAttempt::read(json.as_bytes()).unwrap();
    assert_eq!(login.step_up, None);
    assert_eq!(serde_json::to_string(&Plain::from(login)).unwrap(), json);
    let json = r#"[["secret",0],"/",0,[["phr"],3600]]"#;
    let login = LoginAttempt::read(json.as_bytes()).unwrap();
    let required = login.step_up.clone().unwrap();
    assert_eq!(required.acr, ["phr"]);
    assert_eq!(required.max_age, Some(std::time::Duration::from_secs(3600)));
    assert_eq!(serde_json::to_string(&Plain::from(login)).unwrap(), json);
}

/// A browser may be at the provider for several rules with long lists at once.
#[test]
fn attempts_with_long_lists_share_two_cookies() {
    let (sessions, _) = sessions();
    let required = Requirement {
        acr: vec!["x".repeat(300)],
        max_age: None,
    };
    let mut names = std::collections::BTreeSet::new();
    let mut kept: Vec<Cookie<'static>> = Vec::new();
    for _ in 0..5 {
        let request = request_with(&kept);
        let required = Some(required.clone());
        let set = sessions.start_attempt(&request, Attempt::new(), profile(), required);
        for cookie in set {
            kept.retain(|it| it.name() != cookie.name());
            if !cookie.value().is_empty() {
                names.insert(cookie.name().to_owned());
                kept.push(cookie);
            }
        }
    }
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(kept.iter().map(header_bytes).sum::<usize>() <= TOGETHER);
}
