//! The codes of handovers in the query of a request to an app.

use crate::gateway::path::Target;
use crate::http::handlers::handover::CODE;

/// Path and query without any code.
pub fn without_codes(target: &Target<'_>) -> String {
    let query = target.query.as_deref();
    match query.and_then(|query| take_codes(query).1) {
        Some(rest) => format!("{}?{rest}", target.path),
        None => target.path.to_string(),
    }
}

/// The codes, and the query as it was before they were added: nothing if there was none.
pub fn take_codes(query: &str) -> (Vec<&str>, Option<String>) {
    let mut codes = Vec::new();
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.strip_prefix(CODE).and_then(|it| it.strip_prefix('=')) {
            Some(code) => codes.push(code),
            None => rest.push(pair),
        }
    }
    (codes, (!rest.is_empty()).then(|| rest.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_comes_back_exactly() {
        for (query, codes, rest) in [
            ("", &[][..], Some("")),
            ("a=b", &[], Some("a=b")),
            (
                "_doorwardx=1&x_doorward=2&_doorward",
                &[],
                Some("_doorwardx=1&x_doorward=2&_doorward"),
            ),
            ("_doorward=c", &["c"], None),
            ("&_doorward=c", &["c"], Some("")),
            ("a=b&_doorward=c", &["c"], Some("a=b")),
            ("a=b&_doorward=c&d", &["c"], Some("a=b&d")),
            ("_doorward=", &[""], None),
            ("_doorward=c&_doorward=c", &["c", "c"], None),
            ("_doorward=c&a&_doorward=d", &["c", "d"], Some("a")),
        ] {
            let expected = (codes.to_vec(), rest.map(str::to_owned));
            assert_eq!(take_codes(query), expected, "{query}");
        }
    }
}
