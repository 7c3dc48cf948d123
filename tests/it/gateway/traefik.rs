//! A real Traefik, with the configuration of `docs/proxies/traefik.md`.

use super::proxied::Proxy;
use super::suite;

mod slow {
    use super::*;

    #[actix_web::test]
    async fn in_a_browser_one_sign_in_opens_each_app_and_a_refusal_says_why() {
        suite::in_a_browser_one_sign_in_opens_each_app_and_a_refusal_says_why(Proxy::Traefik).await;
    }

    #[actix_web::test]
    async fn what_clients_write_reaches_neither_the_rules_nor_the_app() {
        suite::what_clients_write_reaches_neither_the_rules_nor_the_app(Proxy::Traefik).await;
    }

    #[actix_web::test]
    async fn a_script_gets_401_and_nobody_gets_in_while_doorward_is_away() {
        suite::a_script_gets_401_and_nobody_gets_in_while_doorward_is_away(Proxy::Traefik).await;
    }
}
