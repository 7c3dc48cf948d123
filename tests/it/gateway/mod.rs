//! The gateway, asked as proxies ask it.

mod checks;
mod handover;
mod nginx;
mod people;
mod rules;
mod support;
