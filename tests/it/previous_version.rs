//! A session that the previous version wrote, before it was one typed value in the row.

use crate::on_both;

/// A cookie's value, and the hash and the state in its row, with the key of all tests.
const COOKIE: &str = "Gbexfa0h4n3ZDu1tcr%2F+GM6UxGMGaYj4oycbXo8c42k%3DM1vyIKPukH_PgDAIxCJhVxIMZOT7kcrS1cTJzOdaWfcbToAGwmfmcCFl2ITY6nQABUJfmPgNpYVbnJQvEyfotE";
const KEY_HASH: &str = "CJBLnRS7B5Lq75cUeJnpAKuBpVbXAB4LAUkj2Qs9O2g";
const STATE: &str = "0kOr9jC2ky4ldRJHHf15vb78q943zbpPDRK8wvt9fqV7yram2sfXIpaLmpjmJjULJzHmo2lLnH2bIHNPoQurR7HQuSUENUCXfvCqUQlJ0K-qkq3bW1EVDUeSLFFfBXwIxQHM";

/// The ID token in its row.
const HINT: &str = "id_token_hint=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";

on_both! {
    async fn its_session_opens_and_leads_to_the_provider_with_its_id_token(app: TestApp) {
        let ada = app.signed_in("ada").await;
        app.storage().execute(&format!(
            "UPDATE sessions SET key_hash = '{KEY_HASH}', state = '{STATE}'"
        ));
        assert_ne!(ada.app_cookies()["doorward"], COOKIE);
        ada.set_app_cookie("doorward", COOKIE);
        assert!(ada.is_signed_in().await);
        assert_eq!(ada.app_cookies()["doorward"], COOKIE);
        let out = ada.post("/logout", "").await;
        assert!(out.location().contains(HINT), "{}", out.location());
        assert!(!ada.is_signed_in().await);
        assert_eq!(app.storage().sessions(), 0);
    }
}
