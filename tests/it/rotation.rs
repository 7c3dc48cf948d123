//! Keys and secrets are replaced while people are signed in: real files, real processes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward::random;

use crate::on_both;
use crate::support::app::{CLIENT_SECRET, Storage};
use crate::support::process::{PATIENCE, Process, free_addr, provider_for};
use crate::support::provider::{Provider, demo_people};
use crate::support::{Database, Visitor};

/// The name of the session's cookie.
const SESSION: &str = "doorward";

fn new_key() -> String {
    STANDARD.encode(random::bytes::<64>())
}

/// A database, a provider, and a folder with the secrets; all Doorwards are at one address, one after the other.
struct House {
    storage: Storage,
    provider: Provider,
    addr: SocketAddr,
    folder: tempfile::TempDir,
}

impl House {
    fn new(database: Database) -> House {
        let addr = free_addr();
        let folder = tempfile::tempdir().unwrap();
        let provider = provider_for(&format!("http://{addr}"), demo_people());
        House {
            storage: Storage::new(database),
            provider,
            addr,
            folder,
        }
    }

    fn write(&self, name: &str, secret: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, secret).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A Doorward that answers at `addr`; the visitors' way leads to the house's own address.
    fn doorward_at(&self, addr: SocketAddr, variables: &[(&str, &str)]) -> Process {
        let issuer = self.provider.issuer();
        let url = format!("http://{}", self.addr);
        let usual = [
            ("OIDC_ISSUER", issuer.as_str()),
            ("PUBLIC_URL", &url),
            ("DATABASE_URL", &self.storage.url),
            ("SESSION_KEY", ""),
        ];
        let mut doorward = Process::doorward(addr, &[&usual[..], variables].concat());
        doorward.answers(addr);
        doorward
    }

    fn doorward(&self, variables: &[(&str, &str)]) -> Process {
        self.doorward_at(self.addr, variables)
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(&format!("http://{}", self.addr))
    }

    async fn ada(&self) -> Visitor {
        let ada = self.visitor();
        assert_eq!(ada.sign_in("ada").await.location(), "/profile");
        ada
    }
}

fn cookie(visitor: &Visitor) -> String {
    visitor.app_cookies()[SESSION].clone()
}

/// The same cookie in a browser of its own.
fn twin(visitor: &Visitor, house: &House) -> Visitor {
    let twin = house.visitor();
    twin.set_app_cookie(SESSION, &cookie(visitor));
    twin
}

on_both! {
    async fn with_the_previous_key_a_restart_signs_nobody_out(database: Database) {
        let house = House::new(database);
        let (old, new) = (new_key(), new_key());
        let mut doorward = house.doorward(&[("SESSION_KEY", &old)]);
        let (ada, away) = (house.ada().await, house.ada().await);
        let under_way = house.visitor();
        let provider = under_way.begin("/login").await;
        doorward.kill();

        let previous_file = house.write("previous", &old);
        let both = [("SESSION_KEY", new.as_str()), ("SESSION_KEY_PREVIOUS_FILE", &previous_file)];
        let mut doorward = house.doorward(&both);
        let [ada, away, under_way] = [ada, away, under_way].map(|one| one.reconnected());
        assert!(ada.is_signed_in().await);
        let back = under_way.choose(&provider, "ada").await;
        assert_eq!(under_way.get(&back).await.location(), "/profile");
        doorward.kill();

        let _doorward = house.doorward(&[("SESSION_KEY", &new)]);
        let [ada, away] = [ada, away].map(|one| one.reconnected());
        assert!(ada.is_signed_in().await, "cookie and row were re-sealed");
        assert!(!away.is_signed_in().await, "who never came in between has to sign in");
        let out = ada.post("/logout", "").await;
        assert!(out.location().contains("id_token_hint="), "what the row kept is still there");
    }
}

mod slow {
    use super::*;

    on_both! {
        async fn a_key_that_is_replaced_signs_nobody_out_and_the_old_one_opens_nothing_later(database: Database) {
            let house = House::new(database);
            let (old, new) = (new_key(), new_key());
            let key_file = house.write("key", &old);
            let variables = [("SESSION_KEY_FILE", key_file.as_str()), ("SESSION_KEY_DELAY", "1s")];
            let mut doorward = house.doorward(&variables);
            let (ada, away) = (house.ada().await, house.ada().await);
            let under_way = house.visitor();
            let provider = under_way.begin("/login").await;
            let stolen = twin(&ada, &house);

            house.write("key", &new);
            doorward.says("sealed with the new SESSION_KEY");
            // Connections on which nothing happens for so long are closed.
            let [ada, away, under_way] = [ada, away, under_way].map(|one| one.reconnected());
            // A page that shared caches may keep sets no cookie.
            let home = ada.get("/").await;
            let (_, stylesheet) = home.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
            let before = twin(&stolen, &house);
            let style = before.get(stylesheet.split('"').next().unwrap()).await;
            assert_eq!((style.status, style.cookies()), (200, vec![]));

            assert!(home.has("logout-button"));
            assert_ne!(cookie(&ada), cookie(&stolen), "the cookie is signed again");
            let renewed = cookie(&ada);
            assert!(ada.is_signed_in().await);
            assert_eq!(cookie(&ada), renewed, "once");
            let back = under_way.choose(&provider, "ada").await;
            assert_eq!(under_way.get(&back).await.location(), "/profile", "an attempt from before is finished");
            assert!(under_way.is_signed_in().await);
            assert_eq!(house.storage.sessions(), 3);

            // The next process knows the new key alone.
            doorward.signal("TERM");
            assert_eq!(doorward.ends().0, Some(0));
            let mut doorward = house.doorward(&variables);
            let [ada, under_way, stolen, away] = [ada, under_way, stolen, away].map(|one| one.reconnected());
            assert!(ada.is_signed_in().await && under_way.is_signed_in().await);
            assert!(!stolen.is_signed_in().await, "a cookie of the old key opens nothing");
            assert!(!away.is_signed_in().await);
            doorward.signal("TERM");
            assert_eq!(doorward.ends().0, Some(0));

            // And one that knows the old key alone opens nothing of the new one.
            house.write("key", &old);
            let _doorward = house.doorward(&variables);
            let [ada, under_way] = [ada, under_way].map(|one| one.reconnected());
            assert!(!ada.is_signed_in().await && !under_way.is_signed_in().await);
        }
    }

    /// Not every replica reads a changed file at the same moment.
    #[actix_web::test]
    async fn while_only_one_of_two_processes_has_read_the_new_key_sessions_open_at_both() {
        let house = House::new(Database::Postgres);
        let (old, new) = (new_key(), new_key());
        let (early_file, late_file) = (house.write("early", &old), house.write("late", &old));
        let early = house.doorward(&[("SESSION_KEY_FILE", &early_file)]);
        let late_addr = free_addr();
        let late = house.doorward_at(late_addr, &[("SESSION_KEY_FILE", &late_file)]);
        let at_the_other = |visitor: &Visitor| {
            let other = Visitor::new(&format!("http://{late_addr}"))
                .for_site(&format!("http://{}", house.addr));
            other.set_app_cookie(SESSION, &cookie(visitor));
            other
        };
        let before = house.ada().await;
        house.write("early", &new);
        early.says("SESSION_KEY_FILE changed; its new content is in use");
        let after = house.ada().await;
        for visitor in [&before, &after] {
            assert!(visitor.is_signed_in().await && at_the_other(visitor).is_signed_in().await);
        }
        house.write("late", &new);
        late.says("SESSION_KEY_FILE changed; its new content is in use");
        for visitor in [&before, &after] {
            assert!(visitor.is_signed_in().await && at_the_other(visitor).is_signed_in().await);
        }
    }

    #[actix_web::test]
    async fn a_key_that_is_none_is_not_taken() {
        let house = House::new(Database::Sqlite);
        let key_file = house.write("key", &new_key());
        let doorward =
            house.doorward(&[("SESSION_KEY_FILE", &key_file), ("SESSION_KEY_DELAY", "0s")]);
        let ada = house.ada().await;
        house.write("key", "hunter2");
        let printed = doorward.says("SESSION_KEY_FILE changed but");
        assert!(
            printed.contains("its last content stays in use"),
            "{printed}"
        );
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(ada.is_signed_in().await);
    }

    #[actix_web::test]
    async fn the_client_secret_is_read_again_when_its_file_changes() {
        let house = House::new(Database::Sqlite);
        let secret_file = house.write("secret", "the one of last year\n");
        let variables = [
            ("SESSION_KEY", new_key()),
            ("OIDC_CLIENT_SECRET", String::new()),
            ("OIDC_CLIENT_SECRET_FILE", secret_file),
        ];
        let variables = variables
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let doorward = house.doorward(&variables);
        let refused = house.visitor().sign_in("ada").await;
        assert_eq!(refused.status, 502, "{}", refused.body);
        house.write("secret", &format!("{CLIENT_SECRET}\n"));
        doorward.says("OIDC_CLIENT_SECRET_FILE changed; its new content is in use");
        let deadline = Instant::now() + PATIENCE;
        while house.visitor().sign_in("ada").await.status != 303 {
            assert!(Instant::now() < deadline);
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        }
        house.write("secret", " \n");
        doorward.says("OIDC_CLIENT_SECRET_FILE changed but is empty");
        assert_eq!(house.visitor().sign_in("ada").await.location(), "/profile");
        assert!(!doorward.printed().contains(CLIENT_SECRET));
    }
}
