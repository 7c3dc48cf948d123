//! The gateway, asked as proxies ask it.

mod advisories;
mod app_sessions;
mod audit;
mod below_a_path;
mod caddy;
mod checks;
mod complaints;
mod demo;
mod envoy;
mod handover;
mod haproxy;
mod hostile;
mod hostile_handovers;
mod how_they_signed_in;
mod listener;
mod networks;
mod nginx;
mod people;
mod proxied;
mod readme;
mod rules;
mod signed;
mod step_up;
mod suite;
pub mod support;
mod through;
mod traefik;
