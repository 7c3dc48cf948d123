use super::*;

fn nothing(_: &str) -> Option<String> {
    None
}

/// What libpq gets whatever the URL says.
const TIMEOUTS: &str = "connect%5Ftimeout=4&keepalives%5Fidle=30&keepalives%5Finterval=10&\
                        tcp%5Fuser%5Ftimeout=10000";

fn read(url: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, &'static str> {
    super::read(url, variable).map(|options| options.write())
}

/// The `sslmode` that libpq gets.
fn mode(url: &str, variables: &[(&str, &str)]) -> Option<String> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let read = read(url, &variable).unwrap();
    let parameters = read
        .split_once('?')
        .map_or("", |(_, parameters)| parameters);
    let mode = parameters
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("sslmode="));
    mode.map(|mode| mode.replace("%2D", "-"))
}

#[test]
fn libpq_gets_what_the_url_says_and_cannot_read_it_otherwise() {
    for (url, expected) in [
        ("postgres://", "postgres://?"),
        ("postgres:///d", "postgres://?dbname=d&"),
        (
            "postgresql://u:p%2Fw?:@localhost:5/d",
            "postgres://?user=u&password=p%2Fw%3F%3A&host=localhost&port=5&dbname=d&",
        ),
        (
            "postgres://[::1]:5,[::1]?application_name=a%26b%3D%E4",
            "postgres://?host=%3A%3A1%2C%3A%3A1&port=5%2C&application%5Fname=a%26b%3D%E4&",
        ),
        ("postgres:///?user=a&user=b&", "postgres://?user=b&"),
        ("postgres://?host= /run ", "postgres://?host=%2Frun&"),
    ] {
        let expected = format!("{expected}{TIMEOUTS}");
        assert_eq!(read(url, &nothing), Ok(expected), "{url}");
    }
}

#[test]
fn a_dead_connection_is_soon_noticed_unless_the_url_says_when() {
    for (url, expected) in [
        (
            "postgres://db",
            "sslmode=require&gssencmode=disable&connect%5Ftimeout=4&keepalives%5Fidle=30&\
             keepalives%5Finterval=10&tcp%5Fuser%5Ftimeout=10000",
        ),
        (
            "postgres://db?sslmode=disable&keepalives_idle=7&tcp_user_timeout=8&connect_timeout=9",
            "sslmode=disable&keepalives%5Fidle=7&tcp%5Fuser%5Ftimeout=8&connect%5Ftimeout=9&\
             keepalives%5Finterval=10",
        ),
    ] {
        let expected = format!("postgres://?host=db&{expected}");
        assert_eq!(read(url, &nothing), Ok(expected), "{url}");
    }
}

#[test]
fn the_server_ends_a_query_that_nobody_waits_for_unless_the_url_says_when() {
    let lock = "SET lock_timeout = 4000;";
    let statement = "SET statement_timeout = 5000;";
    let idle = "SET idle_in_transaction_session_timeout = 10000;";
    for (url, variable, expected) in [
        ("postgres://db", "", [lock, statement, idle].concat()),
        (
            "postgres://db?options=-c%20statement_timeout%3D60000",
            "",
            [lock, idle].concat(),
        ),
        (
            "postgres:///d",
            "-c lock_timeout=0",
            [statement, idle].concat(),
        ),
    ] {
        let variable = |name: &str| (name == "PGOPTIONS").then(|| variable.to_owned());
        let parsed = PostgresUrl::parse(url, &variable).unwrap();
        assert_eq!(parsed.server_timeouts, expected, "{url}");
    }
}

#[test]
fn what_libpq_would_not_read_is_malformed() {
    for url in [
        "postgres://u:%zz@h/d",
        "postgres://u:%4@h/d",
        "postgres://u:%00@h/d",
        "postgres://[::1/d",
        "postgres://[]/d",
        "postgres://[::1]x/d",
        "postgres:///d?a",
        "postgres:///d?a=b=c",
        "postgres:///d?a=b&&c=d",
        "postgres:///d?%E4=b",
        "postgres://a b/d",
    ] {
        assert_eq!(read(url, &nothing), Err(MALFORMED), "{url}");
    }
}

#[test]
fn across_a_network_it_is_tls_unless_the_url_itself_says_otherwise() {
    let require = Some("require".to_owned());
    for url in [
        "postgres://u@db/d",
        "postgres://u@a,b/d",
        "postgres://u@localhost,db/d",
        "postgres://u@db,localhost/d",
        "postgres://u@,db/d",
        "postgres:///d?host=db",
        "postgres://localhost/d?host=db",
        "postgres://localhost/d?hostaddr=192.0.2.1",
        "postgres:///d?hostaddr=127.0.0.1,192.0.2.1",
        "postgres://localhost,localhost/d?hostaddr=,192.0.2.1",
        "postgres:///d?host=/run&host=db",
        "postgres:///d?host=%E4",
        "postgres://localhost./d",
        "postgres://127.1/d",
        "postgres://u:sslmode=disable@db/d",
        "postgres://u:?sslmode=disable@db/d",
        "postgres://db/sslmode=disable",
        "postgres://db/d?options=sslmode%3Ddisable",
        "postgres://db/d?sslmode=disable&sslmode=",
        "postgres://db/d?ssl=true",
        "postgres://db/d?requiressl=1",
    ] {
        assert_eq!(mode(url, &[]), require, "{url}");
    }
    for (url, expected) in [
        ("postgres://db/d?sslmode=disable", Some("disable")),
        ("postgres://db/d?sslmode=prefer", Some("prefer")),
        ("postgres://db/d?sslmode=verify-full", Some("verify-full")),
        ("postgres://db/d?service=x&sslmode=require", Some("require")),
        ("postgres://db/d?sslrootcert=system", Some("verify-full")),
        ("postgres://u@localhost:5/d", None),
        ("postgres://u@LocalHost,127.0.0.2,[::1],/d", None),
        ("postgres://db/d?hostaddr=::ffff:127.0.0.1", None),
        ("postgres:///d?host=/run/postgresql,@abstract", None),
        ("postgres:///d", None),
    ] {
        assert_eq!(mode(url, &[]).as_deref(), expected, "{url}");
    }
}

#[test]
fn what_the_url_leaves_out_libpq_finds_in_the_environment() {
    for (url, variable, value, expected) in [
        ("postgres:///d", "PGHOST", "db", Some("require")),
        ("postgres:///d", "PGHOST", "/run", None),
        ("postgres://localhost/d", "PGHOST", "db", None),
        ("postgres:///d?host=", "PGHOST", "db", None),
        (
            "postgres://localhost/d",
            "PGHOSTADDR",
            "192.0.2.1",
            Some("require"),
        ),
        (
            "postgres://localhost/d?hostaddr=::1",
            "PGHOSTADDR",
            "192.0.2.1",
            None,
        ),
        ("postgres://db/d", "PGHOSTADDR", "127.0.0.1", None),
        ("postgres://db/d", "PGSSLMODE", "disable", Some("require")),
        (
            "postgres://db/d",
            "PGSSLMODE",
            "verify-full",
            Some("verify-full"),
        ),
        ("postgres://localhost/d", "PGSSLMODE", "verify-full", None),
        (
            "postgres://db/d",
            "PGSSLROOTCERT",
            "system",
            Some("verify-full"),
        ),
    ] {
        let found = mode(url, &[(variable, value)]);
        assert_eq!(found.as_deref(), expected, "{url} {variable}={value}");
    }
}

#[test]
fn the_hosts_of_a_service_are_not_known_in_time() {
    let of_the_environment = |name: &str| (name == "PGSERVICE").then(|| "x".to_owned());
    let found = read("postgres:///d", &of_the_environment);
    assert_eq!(found, Err(UNKNOWN_HOSTS));
    let found = read("postgres://localhost/d?service=x", &nothing);
    assert_eq!(found, Err(UNKNOWN_HOSTS));
}

#[test]
fn the_url_for_other_tools_has_no_secret_and_nothing_for_a_shell() {
    let url = "postgres://ada:hunter2@db.example.com:5433/door'ward?sslpassword=hunter2&application_name=x";
    let url = PostgresUrl::parse(url, &|_| None).unwrap();
    assert_eq!(
        url.without_password(),
        "postgres://?user=ada&host=db%2Eexample%2Ecom&port=5433&dbname=door%27ward&sslmode=require"
    );
    // A piece of the password would be taken for the host.
    let url = PostgresUrl::parse("postgres://ada:hunt@er2@db.example.com/doorward", &|_| None);
    let url = url.unwrap().without_password();
    assert_eq!(url, "postgres://USER@HOST/DATABASE");
}
