//! Certificate authorities.

use super::{assert_only_discovery_fails, check_with, complaints_with};
use crate::support::TestApp;
use crate::support::process::free_addr;
use crate::tls::{Authority, CaFile, HOST, behind_tls};

#[actix_web::test]
async fn an_authority_that_is_not_trusted() {
    let ours = Authority::new("Doorward test: ours");
    let (app, _terminator) = behind_tls(ours.certify(HOST, 2999), &[]);
    let mut found = complaints_with(&app, &[]);
    // The fingerprint is another each time.
    let (start, end) = (
        found[0].find("(SHA-256 ").unwrap(),
        found[0].find(") ").unwrap(),
    );
    assert_eq!(end - start, "(SHA-256 ".len() + 32 * 3 - 1);
    found[0].replace_range(start..end + 2, "");
    assert_only_discovery_fails(
        found,
        "fault discovery its certificate for 127.0.0.1 is signed by an authority that is not trusted. Fix: add \
         that authority's certificate (CA:TRUE) to OIDC_CA_FILE.",
    );
}

#[actix_web::test]
async fn an_authority_that_is_named() {
    let ours = Authority::new("Doorward test: ours");
    let (app, _terminator) = behind_tls(ours.certify(HOST, 2999), &[&ours]);
    let file = CaFile::of(&[&ours]);
    let variables = [("OIDC_CA_FILE", file.0.to_str().unwrap())];
    assert_eq!(complaints_with(&app, &variables), [""; 0]);
    let (_, printed) = check_with(&app, &[], &variables);
    assert!(
        printed.contains(" from the system, 1 from OIDC_CA_FILE.\n"),
        "{printed}"
    );
}

#[actix_web::test]
async fn a_system_without_authorities() {
    let app = TestApp::spawn();
    let nobody = format!("https://{}", free_addr());
    let variables = [
        ("OIDC_ISSUER", nobody.as_str()),
        ("SSL_CERT_FILE", "/dev/null"),
    ];
    assert_eq!(
        complaints_with(&app, &variables)[0],
        "fault tls_roots no certificate authority is trusted. Fix: install the system's certificates (Debian: \
         ca-certificates), or put the provider's authority into OIDC_CA_FILE."
    );
}
