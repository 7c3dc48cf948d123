//! What the tests share: the app on a free port, a visitor with a cookie jar, a real provider, both
//! databases, a real browser, and what was logged.

pub mod app;
pub mod browser;
pub mod log;
pub mod network;
pub mod nginx;
pub mod people;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod provider_faults;
pub mod raw;
pub mod relay;
pub mod rows;
pub mod secrets;
pub mod visitor;
pub mod watchdog;

#[path = "../../../examples/demo/provider/mod.rs"]
pub mod provider;

pub use app::{Database, TestApp};
pub use visitor::{Answer, Visitor};

/// Runs a test on SQLite and on Postgres: `on_both! { async fn name(app: TestApp) { … } }`, or with
/// `database: Database` for tests that start the app themselves.
#[macro_export]
macro_rules! on_both {
    ($($(#[doc = $doc:literal])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        $(#[doc = $doc])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all that its module imports")]
            use super::*;

            async fn the_test($app: $crate::support::TestApp) $body

            #[actix_web::test]
            async fn sqlite() {
                the_test($crate::support::TestApp::spawn_on($crate::support::Database::Sqlite)).await
            }

            #[actix_web::test]
            async fn postgres() {
                the_test($crate::support::TestApp::spawn_on($crate::support::Database::Postgres)).await
            }
        }
    )+};
    ($($(#[doc = $doc:literal])* async fn $name:ident($database:ident: Database) $body:block)+) => {$(
        $(#[doc = $doc])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all that its module imports")]
            use super::*;

            async fn the_test($database: $crate::support::Database) $body

            #[actix_web::test]
            async fn sqlite() {
                the_test($crate::support::Database::Sqlite).await
            }

            #[actix_web::test]
            async fn postgres() {
                the_test($crate::support::Database::Postgres).await
            }
        }
    )+};
}
