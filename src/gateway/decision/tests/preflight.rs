use super::*;

#[test]
fn a_preflight_of_a_named_origin_passes_for_the_method_that_it_announces() {
    let from = |origin, method| {
        [
            ("origin", origin),
            ("access-control-request-method", method),
        ]
    };
    let spa = "https://spa.example.com";
    for (method, path, headers, expected) in [
        (
            "OPTIONS",
            "/doc",
            &from(spa, "PUT")[..],
            "preflight by writers",
        ),
        (
            "OPTIONS",
            "/doc",
            &from(spa, "GET"),
            "refused by rest: not_allowed",
        ),
        (
            "OPTIONS",
            "/doc",
            &from("https://evil.example", "PUT"),
            "refused by rest: not_allowed",
        ),
        (
            "OPTIONS",
            "/other",
            &from(spa, "PUT"),
            "refused by rest: not_allowed",
        ),
        (
            "OPTIONS",
            "/doc",
            &[("origin", spa)],
            "Program signs in for rest",
        ),
        (
            "OPTIONS",
            "/healthz",
            &from(spa, "GET"),
            "allowed by health",
        ),
        (
            "PUT",
            "/doc",
            &from(spa, "PUT"),
            "Program signs in for writers",
        ),
        (
            "OPTIONS",
            "/doc/..%2fadmin",
            &from(spa, "PUT"),
            "refused by no rule: ambiguous_path",
        ),
    ] {
        assert_eq!(
            outcome(&request(method, path), headers, None),
            expected,
            "{headers:?}"
        );
    }
    let twice = [&from(spa, "PUT")[..], &[("origin", "https://evil.example")]].concat();
    assert_eq!(
        outcome(&request("OPTIONS", "/doc"), &twice, None),
        "Program signs in for rest"
    );
}
