pub mod clock;
pub mod db;
pub mod oidc;
pub mod random;
pub mod settings;
