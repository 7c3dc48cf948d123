//! An authorization response holds what was sent.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use secrecy::ExposeSecret;

use crate::oidc::flow::attempt::Attempt;
use crate::oidc::flow::authorization_response::{AuthorizationResponse, MalformedResponse};

const PARAMETERS: [&str; 5] = ["state", "code", "error", "error_description", "iss"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_as_authorization_response(text in any::<String>(), query in "[a-z=&%+;0-9]{0,60}") {
        for text in [text, query] {
            let _ = AuthorizationResponse::parse(&text);
        }
    }

    #[test]
    fn a_response_holds_what_was_sent_and_nothing_twice(
        pairs in vec((prop_oneof![select(&PARAMETERS[..]).prop_map(str::to_owned), any::<String>()], any::<String>()), 0..6),
    ) {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&pairs)
            .finish();
        let values = |name: &str| -> Vec<&String> {
            pairs.iter().filter(|pair| pair.0 == name).map(|pair| &pair.1).collect()
        };
        match AuthorizationResponse::parse(&query) {
            Ok(response) => {
                let code = response.code.map(|code| code.expose_secret().to_owned());
                let error = response.error.map(|error| error.code().to_owned());
                let found = [
                    response.state, code, error, response.error_description, response.issuer,
                ];
                for (name, found) in PARAMETERS.into_iter().zip(found) {
                    let sent = values(name);
                    prop_assert!(sent.len() <= 1);
                    let sent = sent.first().filter(|value| !value.is_empty());
                    prop_assert_eq!(found.as_ref(), sent.copied());
                }
            }
            Err(MalformedResponse::Twice(name)) => prop_assert!(values(&name).len() > 1),
        }
    }

    #[test]
    fn whatever_the_state_an_attempt_is_retried_twice_at_most(state in "\\PC*|[a-z]{0,5}~[0-9+~-]{0,4}") {
        let retry = |stale: Attempt| Attempt::retry_of(&stale.state);
        let third = Attempt::retry_of(&state).and_then(retry).and_then(retry);
        prop_assert!(third.is_none());
    }
}
