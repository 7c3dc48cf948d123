//! Rules that select by the client's address: one that can't be told fits no network.

use super::support::Gateway;
use crate::support::Database;

const RULES: &str = r#"
[[rule]]
name = "office"
hosts = ["wiki.test"]
networks = ["10.0.0.0/8", "127.0.0.0/8", "2001:db8::/32"]
allow = "public"

[[rule]]
name = "elsewhere"
hosts = ["wiki.test"]
allow = "nobody"
"#;

#[actix_web::test]
async fn an_address_that_cant_be_told_fits_no_network() {
    for (header, cases) in [
        (
            "x-forwarded-for",
            &[
                (&[][..], false),
                (&["10.1.2.3"][..], true),
                (&["2001:db8::7"], true),
                (&["[2001:db8::7]:80"], true),
                (&["::ffff:10.1.2.3"], true),
                (&["10.1.2.3, 203.0.113.9"], false),
                (&["10.1.2.3", "203.0.113.9"], false),
                (&["203.0.113.9, 10.1.2.3"], true),
                (&["10.1.2.3, 127.0.0.1"], true),
                // The proxy itself is nobody's address.
                (&["127.0.0.1"], false),
                (&[""], false),
                (&["unknown"], false),
                (&["10.1.2.3, unknown"], false),
                (&["10.1.2.3,"], false),
                (&["10.1.2"], false),
                (&["010.1.2.3"], false),
                (&["10.1.2.3 "], true),
                (&["for=10.1.2.3"], false),
            ][..],
        ),
        (
            "forwarded",
            &[
                (&[][..], false),
                (&["for=10.1.2.3"], true),
                (&["For=\"[2001:db8::7]:80\";proto=https"], true),
                (&["for=10.1.2.3, for=203.0.113.9"], false),
                (&["for=10.1.2.3;for=10.1.2.3"], false),
                (&["for=_hidden"], false),
                (&["for=unknown"], false),
                (&["by=10.1.2.3"], false),
                (&["10.1.2.3"], false),
                (&[""], false),
            ],
        ),
    ] {
        let settings = [("CLIENT_ADDR_HEADER", header)];
        let gateway = Gateway::start_with(Database::Sqlite, RULES, &settings);
        let other = match header {
            "forwarded" => ("x-forwarded-for", "10.1.2.3"),
            _ => ("forwarded", "for=10.1.2.3"),
        };
        for (values, fits) in cases {
            let mut headers = vec![
                ("x-forwarded-method", "GET"),
                ("x-forwarded-proto", "http"),
                ("x-forwarded-host", "wiki.test"),
                ("x-forwarded-uri", "/"),
                ("x-real-ip", "10.1.2.3"),
                ("client-ip", "10.1.2.3"),
                other,
            ];
            headers.extend(values.iter().map(|value| (header, *value)));
            let answer = gateway.ask("/auth/forward", &headers).await;
            let expected = if *fits { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{header}: {values:?}");
        }
    }
}
